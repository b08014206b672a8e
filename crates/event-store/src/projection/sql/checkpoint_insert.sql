insert into proj.checkpoint (ws, schema_name, seq, pos, commit_no, hash)
select $1, $2, $3::bigint, $4, $5, $6
 where $3::bigint - 1 = coalesce((select c.seq from proj.checkpoint as c where c.ws = $1 and c.schema_name = $2
                                   order by c.seq desc limit 1), 0)
