insert into proj.checkpoint as t (ws, schema_name, seq, pos, commit_no, hash)
select c.ws, c.schema_name, c.seq + 1, c.pos, c.commit_no, c.hash
  from proj.checkpoint as c where c.ws = $1 and c.schema_name = $2 order by c.seq desc limit 1
