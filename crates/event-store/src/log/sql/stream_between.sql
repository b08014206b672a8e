select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
  from es.event
 where ws = $1 and stream = $2 and type = any($3)
   and (pos <= $4 or coalesce(occurred_at, at) <= to_timestamp(0) + $5::bigint * interval '1 microsecond')
   and pos > $6 and coalesce(occurred_at, at) > to_timestamp(0) + $7::bigint * interval '1 microsecond'
 order by version limit $8
