update proj.build set verified = $4, verified_at = clock_timestamp() where name = $1 and version = $2 and build = $3
