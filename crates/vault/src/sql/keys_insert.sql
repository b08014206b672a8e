insert into vault.key (ws, key_id, wrapped)
select $1::uuid, u.key_id, u.wrapped
from unnest($2::uuid[], $3::bytea[]) as u (key_id, wrapped)
