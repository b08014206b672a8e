select exists (select 1 from ops.node n where n.ws = $1 and n.lease_until > clock_timestamp())
