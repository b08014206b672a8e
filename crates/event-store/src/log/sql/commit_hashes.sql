select (select c.hash from es.commit c where c.ws = u.ws and c.no = u.no)
  from unnest($1::uuid[], $2::bigint[]) with ordinality as u(ws, no, ord)
 order by u.ord
