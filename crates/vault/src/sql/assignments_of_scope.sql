select a.key_id, k.key_id is not null as alive
from vault.assignment a
left join vault.key k on k.ws = a.ws and k.key_id = a.key_id
where a.ws = $1 and a.kind <> 'content' and a.kind = $2 and a.scope_id = $3
order by a.key_id
