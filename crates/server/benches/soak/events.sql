select pos, version, stream, kind, cmd from es.event where ws = $1 and pos > $2 order by pos limit 20000
