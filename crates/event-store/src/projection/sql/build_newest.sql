select coalesce(max(b.build), 0) as build from proj.build b where b.name = $1 and b.version = $2
