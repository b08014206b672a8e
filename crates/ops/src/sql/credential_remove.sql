delete from ops.credential
where ws = $1 and user_id = $2
