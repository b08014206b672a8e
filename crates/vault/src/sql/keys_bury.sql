with gone as (
    delete from vault.key
    where ws = $1 and key_id = any($2::uuid[])
    returning key_id
)
insert into vault.tombstone (ws, key_id, erasure, at_us)
select $1::uuid, g.key_id, $3::uuid, $4::bigint
from gone g
on conflict (ws, key_id) do nothing
