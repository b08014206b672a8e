delete from proj.checkpoint where ws = $1 and schema_name = $2 and seq <= $3
