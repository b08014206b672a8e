select count(*) from (select 1 from draft_open as d where d.ws = $1 and d.user_id = $2 limit $3) as c
