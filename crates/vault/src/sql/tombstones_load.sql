select t.key_id, t.erasure, t.at_us
from unnest($2::uuid[]) as u (key_id)
cross join lateral (
    select a.key_id, a.erasure, a.at_us from vault.tombstone a where a.ws = $1 and a.key_id = u.key_id offset 0
) t
