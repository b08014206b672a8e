insert into es.event select e.* from es.event e where false
