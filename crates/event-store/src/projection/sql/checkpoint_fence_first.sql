-- Where nothing was folded yet: the first batch in flight fails too.
insert into proj.checkpoint (ws, schema_name, seq, pos, commit_no, hash) values ($1, $2, 1, 0, 0, $3)
