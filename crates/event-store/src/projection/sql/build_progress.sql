-- How far a build is, as long as nobody moved it to another state.
update proj.build set events_done = $5, events_total = $6, events_per_second = $7, problem = $8, changed_at = clock_timestamp()
 where name = $1 and version = $2 and build = $3 and state = $4
