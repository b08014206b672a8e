select c.ws, c.user_id, c.password_hash
from ops.credential c
where c.login_mac = $1
order by c.ws
limit $2
