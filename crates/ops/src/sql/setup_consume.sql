delete from ops.setup_token
where token_hash = $1 and expires_at_us > $2
returning ws
