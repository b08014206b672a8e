insert into ops.node as n (ws, node, lease_until)
values ($1, $2, clock_timestamp() + make_interval(secs => $3))
on conflict (ws, node) do update set lease_until = excluded.lease_until
