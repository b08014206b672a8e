insert into ops.intake (ws, raw_mac, channel, object, message_id_mac, at_us)
values ($1, $2, $3, $4, $5, $6)
on conflict (ws, raw_mac) do nothing
