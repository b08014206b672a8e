select k.key_id, k.wrapped
from vault.key k
where k.ws = $1 and k.key_id = any($2::uuid[])
