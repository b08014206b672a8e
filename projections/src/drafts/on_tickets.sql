select d.draft, d.ticket, d.user_id, d.kind, d.started_at, d.saved_at
  from unnest($3::uuid[]) as u(ticket)
 cross join lateral (
       select o.* from draft_open as o where o.ws = $1 and o.ticket = u.ticket and o.user_id = $2 offset 0) as d
 order by d.saved_at desc, d.draft desc
