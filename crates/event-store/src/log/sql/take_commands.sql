insert into es.command (ws, cmd, no, ord, first_pos, n, body_hash)
select $1::uuid, u.cmd, u.no, u.ord, u.first_pos, u.n, u.body_hash
  from unnest($2::uuid[], $3::bigint[], $4::integer[], $5::bigint[], $6::integer[], $7::bytea[])
       as u(cmd, no, ord, first_pos, n, body_hash)
