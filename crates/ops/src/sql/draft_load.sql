select d.draft_id, d.ticket_id, d.kind, d.cipher, d.updated_at_us
from ops.draft_body d
where d.ws = $1 and d.user_id = $2 and d.draft_id = any($3::uuid[])
