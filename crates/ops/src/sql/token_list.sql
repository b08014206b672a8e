select t.token_id, t.user_id, t.label, t.created_at_us, t.used_at_us, t.revoked_at_us
from ops.api_token t
where t.ws = $1
order by t.created_at_us, t.token_id
limit $2
