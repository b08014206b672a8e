-- Whoever works on it sees this at the next step and stops.
update proj.build set state = 'aborting', changed_at = clock_timestamp()
 where name = $1 and version = $2 and build = $3 and state <> all(array['active', 'retired'])
