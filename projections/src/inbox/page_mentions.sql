select m.ticket, m.last_at as first, 0::bigint as second
  from inbox_mention as m
 where m.ws = $1 and m.user_id = $2 and (m.last_at, m.ticket) < ($3, $4)
   and ($6::uuid is null or exists (
       select 1 from inbox_ticket as t where t.ws = $1 and t.ticket = m.ticket and t.owner_user = $6))
 order by m.last_at desc, m.ticket desc limit $5
