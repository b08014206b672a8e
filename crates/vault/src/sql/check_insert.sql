insert into vault.check (ws, sealed_check)
values ($1, $2)
on conflict (ws) do nothing
