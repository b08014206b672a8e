delete from ops.login_attempt
where ws = $1 and bucket = $2
