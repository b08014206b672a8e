select e.ticket, e.position, e.version, e.at, e.occurred_at, e.actor, e.kind, e.data::text as data, e.cause
  from timeline_entry as e
 where e.ws = $1 and e.ticket = $2 and e.position < $3
 order by e.position desc limit $4
