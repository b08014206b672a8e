select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
  from es.event where ws = $1 and stream = $2 and version > $3 order by version limit $4
