select e.pos, e.at, e.occurred_at, e.stream, e.version, e.kind, e.type, e.schema_v, e.cmd, e.actor, e.meta, e.payload
  from unnest($2::uuid[]) as u(stream)
 cross join lateral (
       select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
         from es.event where ws = $1 and stream = u.stream and type = $3 order by version desc limit 1) e
