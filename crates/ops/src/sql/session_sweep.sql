delete from ops.session
where seen_at_us <= $1 or created_at_us <= $2
