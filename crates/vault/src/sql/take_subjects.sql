insert into vault.subject (ws, subject, key_id)
select $1::uuid, u.subject, u.key_id
from unnest($2::uuid[], $3::uuid[]) as u (subject, key_id)
on conflict (ws, subject, key_id) do nothing
