select f.user_id, f.window_us, f.times
from ops.sign_in_failure f
where f.ws = $1 and (f.window_us, f.user_id) < ($2, $3) and f.window_us >= $4
  and ($5::uuid is null or f.user_id = $5)
order by f.window_us desc, f.user_id desc
limit $6
