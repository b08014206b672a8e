select e.erasure, e.kind, e.subject, e.ticket, e.reason, e.requested_by, e.requested_at, e.position, e.destroyed_at, e.completed_at
  from trace_erasure as e
 where e.ws = $1 and e.completed_at is null and e.position > $2
 order by e.position limit $3
