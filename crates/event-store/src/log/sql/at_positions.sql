select e.pos, e.at, e.occurred_at, e.stream, e.version, e.kind, e.type, e.schema_v, e.cmd, e.actor, e.meta, e.payload
  from unnest($2::bigint[]) as u(pos)
 cross join lateral (
       select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
         from es.event where ws = $1 and pos = u.pos limit 1) e
 order by e.pos
