select a.kind, a.scope_id, k.key_id, k.wrapped
from vault.assignment a
join vault.key k on k.ws = a.ws and k.key_id = a.key_id
where a.ws = $1 and a.kind <> 'content' and a.kind = any($2::text[]) and a.scope_id = any($3::uuid[])
order by k.key_id
