delete from proj.checkpoint where schema_name = $1
