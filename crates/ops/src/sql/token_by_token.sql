select t.ws, t.token_id, t.user_id, t.used_at_us
from ops.api_token t
where t.token_hash = $1 and t.revoked_at_us is null
