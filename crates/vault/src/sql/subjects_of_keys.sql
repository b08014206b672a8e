select s.key_id, s.subject
from vault.subject s
where s.ws = $1 and s.key_id = any($2::uuid[])
