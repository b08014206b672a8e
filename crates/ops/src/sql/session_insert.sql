insert into ops.session (ws, token_hash, user_id, created_at_us, seen_at_us)
values ($1, $2, $3, $4, $4)
