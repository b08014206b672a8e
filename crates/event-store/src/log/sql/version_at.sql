select coalesce(max(version), 0) from es.event where ws = $1 and stream = $2 and pos <= $3
