select stream, pos from proj.quarantine where ws = $1 and schema_name = $2
