select r.ticket, r.last_activity_at as first, 0::bigint as second
  from inbox_status as s
 cross join lateral (
       select t.ticket, t.last_activity_at from inbox_ticket as t
        where t.ws = $1 and t.owner_user = $6 and t.status = s.status and (t.last_activity_at, t.ticket) < ($3, $4)
        order by t.last_activity_at desc, t.ticket desc limit $5) as r
 where s.ws = $1 and s.category = any($2)
 order by r.last_activity_at desc, r.ticket desc limit $5
