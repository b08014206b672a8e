select a.bucket, count(*) as attempts, min(a.at_us) as oldest_us
from ops.login_attempt a
where a.ws = $1 and a.bucket = any($2::bytea[]) and a.at_us > $3 and a.at_us <= $4
group by a.bucket
