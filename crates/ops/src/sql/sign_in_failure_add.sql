insert into ops.sign_in_failure (ws, user_id, window_us, times)
select u.ws, u.user_id, $3, 1
from unnest($1::uuid[], $2::uuid[]) as u (ws, user_id)
on conflict (ws, window_us, user_id) do update set times = ops.sign_in_failure.times + 1
