insert into ops.setup_token (ws, token_hash, expires_at_us)
values ($1, $2, $3)
on conflict (ws) do update
set token_hash = excluded.token_hash, expires_at_us = excluded.expires_at_us
