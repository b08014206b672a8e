insert into ops.refusal (ws, refusal_id, at_us, actor, code, method, path_template)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (ws, refusal_id) do update set times = ops.refusal.times + 1
