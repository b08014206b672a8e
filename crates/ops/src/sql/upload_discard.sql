delete from ops.upload
where ws = $1 and upload_id = $2 and used_at_us is null
