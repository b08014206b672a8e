select extract(epoch from clock_timestamp() - e.destroyed_at)::float8 as seconds_ago,
       (select count(*) from ops.erasure_ack a where a.ws = e.ws and a.erasure_id = e.erasure_id) as acknowledged,
       (select count(*) from ops.node n
         where n.ws = e.ws and n.lease_until >= clock_timestamp()
           and not exists (select 1 from ops.erasure_ack a
                            where a.ws = n.ws and a.erasure_id = e.erasure_id and a.node = n.node)) as awaited,
       (select count(*) from ops.node n
         where n.ws = e.ws and n.lease_until < clock_timestamp()
           and not exists (select 1 from ops.erasure_ack a
                            where a.ws = n.ws and a.erasure_id = e.erasure_id and a.node = n.node)) as silent
from ops.erasure e
where e.ws = $1 and e.erasure_id = $2
