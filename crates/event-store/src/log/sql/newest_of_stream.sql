select e.pos, e.at, e.occurred_at, e.stream, e.version, e.kind, e.type, e.schema_v, e.cmd, e.actor, e.meta, e.payload
  from (select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta,
               case when type = any($5) then payload else ''::bytea end as payload,
               sum(case when type = any($5) then octet_length(payload) else 0 end)
                   over (order by version desc rows between unbounded preceding and 1 preceding) as newer
          from es.event where ws = $1 and stream = $2 and version > $3 and version <= $4
         order by version desc limit $6) e
 where coalesce(e.newer, 0) <= $7
 order by e.version desc
