update ops.credential
set login_mac = $3
where ws = $1 and user_id = $2
