select max(e.pos) filter (where e.included) as pos,
       max(e.version) filter (where e.included) as version,
       max(e.at) filter (where e.included) as at,
       max(coalesce(e.occurred_at, e.at)) filter (where e.included) as occurred_at,
       coalesce(bool_or(e.type = any($6)) filter (where e.included), false) as marked,
       max(e.pos) filter (where e.recorded) as recorded
  from (select pos, version, at, occurred_at, type,
               at <= to_timestamp(0) + $8::bigint * interval '1 microsecond' as recorded,
               pos <= $7 or least(coalesce(occurred_at, at), at) <= to_timestamp(0) + $8::bigint * interval '1 microsecond' as included
          from es.event
         where ws = $1 and stream = $2 and version > $3 and version <= $4 and type = any($5)) e
