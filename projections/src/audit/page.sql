select a.position, a.at, a.actor, a.token, a.kind, a.stream_kind, a.stream, a.target, a.ticket, a.cause,
       a.command, a.data::text as data
  from audit_entry as a
 where a.ws = $1 and a.position < $2 and a.at >= $3 and a.at < $4
   and ($5::text is null or a.actor = $5) and ($6::text[] is null or a.kind = any($6))
   and ($7::uuid is null or a.target = $7) and ($8::uuid is null or a.ticket = $8)
 order by a.position desc limit $9
