update ops.api_token
set revoked_at_us = $3
where ws = $1 and user_id = $2 and revoked_at_us is null
