select (u.version = 1
        or exists (select 1 from es.event e
                    where e.ws = $1 and e.stream = u.stream and e.version = u.version - 1 and e.pos < u.pos))
       and not exists (select 1 from es.event e
                        where e.ws = $1 and e.stream = u.stream and e.version = u.version and e.pos < u.pos)
  from unnest($2::uuid[], $3::bigint[], $4::bigint[]) with ordinality as u(stream, pos, version, ord)
 order by u.ord
