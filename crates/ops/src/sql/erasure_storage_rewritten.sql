update ops.erasure_storage
set rewritten_at = clock_timestamp()
where ws = $1 and erasure_id = $2 and relation = any($3::text[]) and rewritten_at is null
