insert into vault.subject (ws, subject, key_id)
select $1::uuid, u.subject, $3::uuid
from unnest($2::uuid[]) as u (subject)
on conflict (ws, subject, key_id) do nothing
