select d.user_id, d.cipher
from ops.draft_body d
where d.ws = $1 and d.draft_id = $2
for update
