-- The builds of this version that readers found until now; they are kept up to date for a way back.
update proj.build set state = 'ready', changed_at = clock_timestamp(), replaced_at = clock_timestamp()
 where name = $1 and version = $2 and build <> $3 and state = 'active'
