with recursive
event(ws) as ((select e.ws from es.event e order by e.ws limit 1)
  union all select (select e.ws from es.event e where e.ws > p.ws order by e.ws limit 1) from event p where p.ws is not null),
commit(ws) as ((select c.ws from es.commit c order by c.ws limit 1)
  union all select (select c.ws from es.commit c where c.ws > p.ws order by c.ws limit 1) from commit p where p.ws is not null),
command(ws) as ((select k.ws from es.command k order by k.ws limit 1)
  union all select (select k.ws from es.command k where k.ws > p.ws order by k.ws limit 1) from command p where p.ws is not null),
claim(ws) as ((select k.ws from es.claim k order by k.ws limit 1)
  union all select (select k.ws from es.claim k where k.ws > p.ws order by k.ws limit 1) from claim p where p.ws is not null)
select u.ws
  from (select ws from event union select ws from commit union select ws from command union select ws from claim) u
 where u.ws is not null and not exists (select 1 from es.workspace w where w.ws = u.ws)
 order by u.ws
