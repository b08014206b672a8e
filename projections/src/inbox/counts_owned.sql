select 0::bigint as unassigned,
       (select count(*) from (
               select 1 from inbox_status as s
                cross join lateral (select 1 from inbox_ticket as t
                                     where t.ws = $1 and t.owner_user = $2 and t.status = s.status
                                     order by t.last_activity_at desc, t.ticket desc limit $3) as r
                where s.ws = $1 and s.category <> 'closed' limit $3) as c) as mine,
       (select count(*) from (
               select 1 from inbox_mention as m
                cross join lateral (select 1 from inbox_ticket as t
                                     where t.ws = $1 and t.ticket = m.ticket and t.owner_user = $2 offset 0) as r
                where m.ws = $1 and m.user_id = $2 limit $3) as c) as mentions,
       (select count(*) from (
               select 1 from inbox_status as s
                cross join lateral (select 1 from inbox_ticket as t
                                     where t.ws = $1 and t.owner_user = $2 and t.status = s.status
                                     order by t.last_activity_at desc, t.ticket desc limit $3) as r
                where s.ws = $1 and s.category <> 'closed' limit $3) as c) as open,
       (select count(*) from (
               select 1 from inbox_status as s
                cross join lateral (select 1 from inbox_ticket as t
                                     where t.ws = $1 and t.owner_user = $2 and t.status = s.status
                                     order by t.last_activity_at desc, t.ticket desc limit $3) as r
                where s.ws = $1 and s.category = 'closed' limit $3) as c) as closed
