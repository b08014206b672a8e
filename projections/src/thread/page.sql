select i.ticket, i.item, i.kind, i.direction, i.channel, i.author, i.occurred_at, i.position, i.content::text as content,
       i.answers, i.delivery, i.delivery_reason, i.deliver_after, i.automatic, i.imported, i.raw::text as raw,
       i.redacted::text as redacted
  from thread_item as i
 where i.ws = $1 and i.ticket = $2 and (i.occurred_at, i.position, i.item) > ($3, $4, $5)
   and i.occurred_at <= $7 and (i.position <= $8 or i.occurred_at <= $9)
 order by i.occurred_at, i.position, i.item limit $6
