select t.key_id, t.erasure, t.at_us
from vault.tombstone t
where t.ws = $1
order by t.key_id
