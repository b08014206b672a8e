select coalesce((select e.version from es.event e where e.ws = $1 and e.stream = u.stream and e.pos < u.pos
                  order by e.version desc limit 1), 0)
  from unnest($2::uuid[], $3::bigint[]) with ordinality as u(stream, pos, ord)
 order by u.ord
