insert into proj.checkpoint (ws, schema_name, seq, pos, commit_no, hash) values ($1, $2, $3, $4, $5, $6)
