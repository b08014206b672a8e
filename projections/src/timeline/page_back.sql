select e.ticket, e.position, e.version, e.at, e.occurred_at, e.actor, e.kind, e.data::text as data, e.cause,
       e.command, e.token, e.undoes
  from timeline_entry as e
 where e.ws = $1 and e.ticket = $2 and e.position < $3 and e.position <= $9
   and ($5::text is null or e.actor = $5) and ($6::text[] is null or e.kind = any($6))
   and e.occurred_at >= $7 and e.occurred_at < $8
   and case when e.kind = any($10) then e.position <= $11 or e.occurred_at <= $12 else e.position <= $13 end
 order by e.position desc limit $4
