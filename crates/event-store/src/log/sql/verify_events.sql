select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf
  from es.event where ws = $1 and pos >= $2 and pos <= $3 order by pos
