insert into vault.tombstone (ws, key_id, erasure, at_us)
select $1::uuid, u.key_id, u.erasure, u.at_us
from unnest($2::uuid[], $3::uuid[], $4::bigint[]) as u (key_id, erasure, at_us)
on conflict (ws, key_id) do nothing
