update ops.session
set seen_at_us = $3
where ws = $1 and token_hash = $2 and seen_at_us < $3
