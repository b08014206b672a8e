delete from ops.setup_token
where expires_at_us <= $1
