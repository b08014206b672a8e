delete from vault.key
where ws = $1 and key_id = any($2::uuid[])
returning key_id
