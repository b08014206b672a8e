select t.ticket
  from trace_ticket as t
 where t.ws = $1 and t.person = $2 and t.ticket > $3
 order by t.ticket limit $4
