select (select min(e.pos) from es.event e
         where e.ws = $1
           and (e.pos < 1 or e.pos > (select coalesce(max(c.last_pos), 0) from es.commit c where c.ws = $1))),
       exists (select 1 from es.command k
                where k.ws = $1
                  and (k.no < 1 or k.no > (select coalesce(max(c.no), 0) from es.commit c where c.ws = $1)))
       or exists (select 1 from es.claim k
                   where k.ws = $1
                     and (k.no < 1 or k.no > (select coalesce(max(c.no), 0) from es.commit c where c.ws = $1)))
       or exists (select 1 from es.commit c where c.ws = $1 and c.no < 1)
