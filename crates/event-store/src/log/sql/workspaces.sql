select ws from es.workspace where closed_at is null order by made_at, ws
