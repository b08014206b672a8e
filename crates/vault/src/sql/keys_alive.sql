select k.key_id
from unnest($2::uuid[]) as u (key_id)
cross join lateral (select a.key_id from vault.key a where a.ws = $1 and a.key_id = u.key_id offset 0) k
