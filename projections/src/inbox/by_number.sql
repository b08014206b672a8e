select ticket from inbox_ticket where ws = $1 and number = $2 limit 1
