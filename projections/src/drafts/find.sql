select d.draft, d.ticket, d.user_id, d.kind, d.started_at, d.saved_at
  from draft_open as d
 where d.ws = $1 and d.ticket = $2 and d.user_id = $3 and d.kind = $4
 order by d.started_at desc limit 1
