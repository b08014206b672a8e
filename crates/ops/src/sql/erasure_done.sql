update ops.erasure set done = true where ws = $1 and erasure_id = $2 and not done
