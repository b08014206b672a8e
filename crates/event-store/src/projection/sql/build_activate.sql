update proj.build set state = 'active' where name = $1 and version = $2 and schema_name = $3 and state <> 'active'
