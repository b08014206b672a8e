select cmd from es.command where ws = $1 and n = 0 and cmd = any($2)
