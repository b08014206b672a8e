delete from ops.node where ws = $1 and lease_until < clock_timestamp() - interval '1 day'
