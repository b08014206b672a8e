select r.refusal_id, r.at_us, r.actor, r.code, r.method, r.path_template, r.times
from ops.refusal r
where r.ws = $1 and (r.at_us, r.refusal_id) < ($2, $3) and r.at_us >= $4
  and ($5::text is null or r.actor = $5)
order by r.at_us desc, r.refusal_id desc
limit $6
