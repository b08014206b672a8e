delete from proj.quarantine where schema_name = $1
