insert into ops.draft_save as s (ws, user_id, key_mac, body_mac, draft_id, at_us) values ($1, $2, $3, $4, $5, $6)
on conflict (ws, user_id, key_mac) do nothing
