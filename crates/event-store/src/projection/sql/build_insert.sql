insert into proj.build (name, version, build, schema_name, state) values ($1, $2, $3, $4, $5)
