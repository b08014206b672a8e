select d.draft_id, d.ticket_id, d.user_id, d.attachment_ids
from ops.draft_body d
where d.ws = $1 and d.ticket_id = any($2::uuid[])
order by d.draft_id
