insert into vault.assignment (ws, key_id, kind, scope_id)
values ($1, $2, $3, $4)
on conflict (ws, key_id, kind, scope_id) do nothing
