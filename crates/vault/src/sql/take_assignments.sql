insert into vault.assignment (ws, key_id, kind, scope_id)
select $1::uuid, u.key_id, u.kind, u.scope_id
from unnest($2::uuid[], $3::text[], $4::uuid[]) as u (key_id, kind, scope_id)
on conflict (ws, key_id, kind, scope_id) do nothing
