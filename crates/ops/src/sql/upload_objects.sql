select u.upload_id, u.key_id, u.object_hash, u.size
from ops.upload u
where u.ws = $1 and u.upload_id = any($2::uuid[])
