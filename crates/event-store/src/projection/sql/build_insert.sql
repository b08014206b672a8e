insert into proj.build (name, version, build, schema_name, state) values ($1, $2, 1, $3, 'active')
