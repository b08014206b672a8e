select e.ticket, e.position, e.version, e.at, e.occurred_at, e.actor, e.kind, e.data::text as data, e.cause
  from timeline_entry as e
 where e.ws = $1 and e.ticket = $2 and e.position > $3 and e.position <= $5
   and case when e.kind = any($7) then e.position <= $8 or e.occurred_at <= $9 else e.position <= $6 end
 order by e.position limit $4
