insert into ops.login_attempt (ws, bucket, attempt_id, at_us)
select $1::uuid, u.bucket, $3::uuid, $4::bigint
from unnest($2::bytea[]) as u (bucket)
