update proj.build set state = 'retired', changed_at = clock_timestamp() where name = $1 and version = $2 and build = $3
