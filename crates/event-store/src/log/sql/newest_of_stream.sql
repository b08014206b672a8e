select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta,
       case when type = any($5) then payload else ''::bytea end as payload
  from es.event where ws = $1 and stream = $2 and version > $3 and version <= $4 order by version desc limit $6
