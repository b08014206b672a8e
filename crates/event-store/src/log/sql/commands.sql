select u.ord, c.first_pos, c.n, c.body_hash
  from unnest($2::uuid[]) with ordinality as u(cmd, ord)
 cross join lateral (
       select first_pos, n, body_hash from es.command where ws = $1 and cmd = u.cmd offset 0) c
