insert into ops.erasure (ws, erasure_id)
values ($1, $2)
on conflict (ws, erasure_id) do nothing
