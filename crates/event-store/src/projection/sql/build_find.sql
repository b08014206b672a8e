select schema_name, state from proj.build where name = $1 and version = $2 order by build desc limit 1
