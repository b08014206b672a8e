update ops.upload
set used_at_us = $4
where ws = $1 and user_id = $2 and upload_id = any($3::uuid[]) and used_at_us is null
returning upload_id
