select a.key_id, a.kind, a.scope_id
from vault.subject s
join vault.assignment a on a.ws = s.ws and a.key_id = s.key_id
where s.ws = $1 and s.subject = $2
order by a.key_id
