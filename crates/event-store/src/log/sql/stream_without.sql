select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
  from es.event where ws = $1 and stream = $2 and version > $3 and version <= $4 and type <> all($5) order by version limit $6
