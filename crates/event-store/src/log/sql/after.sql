select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
  from es.event where ws = $1 and pos > $2 order by pos limit $3
