select d.draft, d.ticket, d.user_id, d.kind, d.started_at, d.saved_at
  from draft_open as d
 where d.ws = $1 and d.user_id = $2 and (d.saved_at, d.draft) < ($3, $4)
 order by d.saved_at desc, d.draft desc limit $5
