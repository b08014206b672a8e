-- What the present user may do to the log beside reading it; nothing, if all is well.
select t.name || ' ' || lower(p.privilege) as excess
  from (values ('event'), ('commit'), ('command'), ('claim'), ('workspace')) as t (name)
 cross join (values ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE')) as p (privilege)
 where has_table_privilege('es.' || t.name, p.privilege)
 order by 1
