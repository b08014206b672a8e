select ticket from inbox_ticket where ws = $1 and contacts && $2::uuid[] limit $3
