insert into es.workspace (ws, made_at, closed_at, seal)
select $1::uuid, timestamptz 'epoch' + $2::bigint * interval '1 microsecond',
       timestamptz 'epoch' + $3::bigint * interval '1 microsecond', $4::bytea
 where not exists (select 1 from es.workspace w where w.ws = $1)
