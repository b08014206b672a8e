delete from ops.upload
where ws = $1 and upload_id = any($2::uuid[])
