insert into ops.credential (ws, user_id, login_mac, password_hash, set_at_us)
values ($1, $2, $3, $4, $5)
on conflict (ws, user_id) do update
set login_mac = excluded.login_mac, password_hash = excluded.password_hash, set_at_us = excluded.set_at_us
