update ops.api_token
set used_at_us = $3
where ws = $1 and token_id = $2 and (used_at_us is null or used_at_us < $3)
