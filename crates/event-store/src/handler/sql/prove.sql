select array(select coalesce((select e.version from es.event e where e.ws = $1 and e.stream = u.stream
                               order by e.version desc limit 1), 0)
               from unnest($2::uuid[]) with ordinality as u(stream, ord) order by u.ord) as versions,
       array(select coalesce((select k.seq from es.claim k
                               where k.ws = $1 and k.scope = u.scope and k.key_mac = u.mac
                               order by k.seq desc limit 1), 0)
               from unnest($3::text[], $4::bytea[]) with ordinality as u(scope, mac, ord) order by u.ord) as claims,
       array(select (select c.first_pos from es.command c where c.ws = $1 and c.cmd = u.cmd)
               from unnest($5::uuid[]) with ordinality as u(cmd, ord) order by u.ord) as repeated_pos,
       array(select (select c.n from es.command c where c.ws = $1 and c.cmd = u.cmd)
               from unnest($5::uuid[]) with ordinality as u(cmd, ord) order by u.ord) as repeated_n,
       array(select (select c.body_hash from es.command c where c.ws = $1 and c.cmd = u.cmd)
               from unnest($5::uuid[]) with ordinality as u(cmd, ord) order by u.ord) as repeated_hash,
       coalesce((select c.last_directory from es.commit c where c.ws = $1 order by c.no desc limit 1), 0) as directory
