-- What an erasure destroyed here does not come back.
insert into vault.key (ws, key_id, wrapped, made_at)
select $1::uuid, u.key_id, u.wrapped, timestamptz 'epoch' + u.made_at_us * interval '1 microsecond'
from unnest($2::uuid[], $3::bytea[], $4::bigint[]) as u (key_id, wrapped, made_at_us)
where not exists (select 1 from vault.tombstone t where t.ws = $1 and t.key_id = u.key_id)
on conflict (ws, key_id) do nothing
