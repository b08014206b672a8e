-- How many events all logs hold together.
select coalesce(sum(newest.last_pos), 0)::bigint as events
  from es.workspace w
 cross join lateral (select c.last_pos from es.commit c where c.ws = w.ws order by c.no desc limit 1) as newest
