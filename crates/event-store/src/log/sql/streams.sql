select e.pos, e.at, e.occurred_at, e.stream, e.version, e.kind, e.type, e.schema_v, e.cmd, e.actor, e.meta, e.payload
  from unnest($2::uuid[], $3::integer[]) with ordinality as u(stream, after, ord)
 cross join lateral (
       select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
         from es.event where ws = $1 and stream = u.stream and version > u.after order by version offset 0) e
 order by u.ord, e.version
