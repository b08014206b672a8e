select pos, at, cmd, stream, kind, type, schema_v, actor, octet_length(payload)::bigint as payload_bytes,
       case when type = any($4) then payload end as payload
  from es.event where ws = $1 and pos > $2 order by pos limit $3
