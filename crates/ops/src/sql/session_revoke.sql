delete from ops.session
where token_hash = $1
