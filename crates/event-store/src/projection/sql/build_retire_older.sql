update proj.build set state = 'retired' where name = $1 and version < $2 and state = 'active'
