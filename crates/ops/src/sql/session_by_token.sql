select s.ws, s.user_id, s.created_at_us, s.seen_at_us
from ops.session s
where s.token_hash = $1
