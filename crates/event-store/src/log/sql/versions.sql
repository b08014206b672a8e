select coalesce((select e.version from es.event e where e.ws = $1 and e.stream = u.stream
                  order by e.version desc limit 1), 0)
  from unnest($2::uuid[]) with ordinality as u(stream, ord)
 order by u.ord
