insert into ops.api_token (ws, token_id, token_hash, user_id, label, created_at_us)
values ($1, $2, $3, $4, $5, $6)
