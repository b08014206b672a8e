insert into proj.quarantine (ws, schema_name, stream, pos, error)
select $1, $2, u.stream, u.pos, u.error
  from unnest($3::uuid[], $4::bigint[], $5::text[]) as u(stream, pos, error)
    on conflict (ws, schema_name, stream) do nothing
