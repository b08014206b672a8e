delete from ops.session
where ws = $1 and user_id = $2 and token_hash <> $3
