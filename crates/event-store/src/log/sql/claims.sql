select coalesce(c.seq, 0) as seq, c.stream
  from unnest($2::text[], $3::bytea[]) with ordinality as u(scope, mac, ord)
  left join lateral (
       select k.seq, k.stream from es.claim k
        where k.ws = $1 and k.scope = u.scope and k.key_mac = u.mac order by k.seq desc limit 1) c on true
 order by u.ord
