select u.ws, u.upload_id, u.key_id, u.object_hash, u.size
from ops.upload u
where u.used_at_us is null and u.created_at_us <= $1
  and not exists (
      select 1 from ops.draft_body d where d.ws = u.ws and d.attachment_ids @> array[u.upload_id]
  )
order by u.created_at_us
limit $2
