select w.made_at, w.closed_at, w.seal,
       (select c.at from es.commit c where c.ws = w.ws order by c.no limit 1),
       (select c.at from es.commit c where c.ws = w.ws order by c.no desc limit 1)
  from es.workspace w where w.ws = $1
