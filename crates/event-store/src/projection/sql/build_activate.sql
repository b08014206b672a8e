-- From here on readers find this build.
update proj.build set state = 'active', changed_at = clock_timestamp(), replaced_at = null
 where name = $1 and version = $2 and build = $3 and state = 'ready'
