select a.key_id, a.kind, a.scope_id
from vault.assignment a
where a.ws = $1 and a.kind <> 'draft'
order by a.key_id, a.kind, a.scope_id
