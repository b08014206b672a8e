select (select min(e.pos) from es.event e where e.ws = $1 and e.pos < 1),
       (select min(e.pos) from es.event e where e.ws = $1 and e.pos > $2),
       (select count(*) from es.event e where e.ws = $1),
       (select count(*) from es.commit c where c.ws = $1)
