-- What the database refused one build, it would refuse another one of the same code.
insert into proj.quarantine (ws, schema_name, stream, pos, error)
select q.ws, $3, q.stream, q.pos, q.error from proj.quarantine as q
 where q.ws = $1 and q.schema_name = $2 and q.error = $4
    on conflict (ws, schema_name, stream) do nothing
