select e.erasure_id
from ops.erasure e
where e.ws = $1 and not e.done
  and not exists (
      select 1 from ops.erasure_ack a where a.ws = e.ws and a.erasure_id = e.erasure_id and a.node = $2
  )
