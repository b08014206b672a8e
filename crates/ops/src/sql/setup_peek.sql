select s.ws
from ops.setup_token s
where s.token_hash = $1 and s.expires_at_us > $2
