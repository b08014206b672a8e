delete from es.event where false
