delete from ops.login_attempt
where ws = $1 and bucket = any($2::bytea[]) and attempt_id = $3
