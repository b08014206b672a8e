update es.event set type = type where false
