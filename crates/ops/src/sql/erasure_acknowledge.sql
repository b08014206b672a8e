insert into ops.erasure_ack (ws, erasure_id, node)
select $1::uuid, u.erasure_id, $3::uuid
from unnest($2::uuid[]) as u (erasure_id)
on conflict (ws, erasure_id, node) do nothing
