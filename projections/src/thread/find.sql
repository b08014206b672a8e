select i.ticket, i.item, i.kind, i.direction, i.channel, i.author, i.occurred_at, i.position, i.content::text as content,
       i.answers, i.delivery, i.delivery_reason, i.deliver_after, i.automatic, i.imported, i.raw::text as raw,
       i.redacted::text as redacted
  from thread_item as i
 where i.ws = $1 and i.ticket = $2 and i.item = $3
