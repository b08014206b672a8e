delete from ops.node where ws = $1 and node <> $2
