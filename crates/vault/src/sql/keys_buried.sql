select t.key_id
from vault.tombstone t
where t.ws = $1 and t.erasure = $2
order by t.key_id
