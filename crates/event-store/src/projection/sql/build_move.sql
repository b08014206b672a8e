-- From one state to the next, unless somebody else moved it.
update proj.build set state = $5, problem = null, changed_at = clock_timestamp(), events_per_second = 0
 where name = $1 and version = $2 and build = $3 and state = $4
