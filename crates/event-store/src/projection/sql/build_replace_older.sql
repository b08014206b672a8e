update proj.build set state = 'ready', changed_at = clock_timestamp(), replaced_at = clock_timestamp()
 where name = $1 and version < $2 and state = 'active'
