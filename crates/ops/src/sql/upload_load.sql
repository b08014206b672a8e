select u.upload_id, u.user_id, u.cipher, u.key_id, u.object_hash, u.size, u.created_at_us, u.used_at_us
from ops.upload u
where u.ws = $1 and u.upload_id = any($3::uuid[]) and (u.user_id = $2 or u.used_at_us is not null)
