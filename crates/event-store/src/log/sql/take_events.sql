insert into es.event (ws, pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf)
select $1::uuid, u.pos, timestamptz 'epoch' + u.at * interval '1 microsecond',
       timestamptz 'epoch' + u.occurred * interval '1 microsecond',
       u.stream, u.version, u.kind, u.type, u.schema_v, u.cmd, u.actor, u.meta, u.payload, u.leaf
  from unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::uuid[], $6::integer[], $7::text[], $8::text[], $9::smallint[],
              $10::uuid[], $11::text[], $12::text[], $13::bytea[], $14::bytea[])
       as u(pos, at, occurred, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf)
