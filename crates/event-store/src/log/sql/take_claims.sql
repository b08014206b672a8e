insert into es.claim (ws, scope, key_mac, seq, stream, no, ord)
select $1::uuid, u.scope, u.key_mac, u.seq, u.stream, u.no, u.ord
  from unnest($2::text[], $3::bytea[], $4::integer[], $5::uuid[], $6::bigint[], $7::integer[])
       as u(scope, key_mac, seq, stream, no, ord)
