select c.ticket, c.position, c.message, c.channel, c.occurred_at, c.raw::text as raw
  from thread_copy as c
 where c.ws = $1 and c.ticket = $2
 order by c.position limit $3
