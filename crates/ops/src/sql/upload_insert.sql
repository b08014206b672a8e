insert into ops.upload (ws, upload_id, user_id, cipher, key_id, object_hash, size, created_at_us)
values ($1, $2, $3, $4, $5, $6, $7, $8)
