delete from ops.login_attempt
where at_us <= $1 or at_us > $2
