-- The builds of the views, with how far each is in a workspace and how many streams it leaves out.
select b.name, b.version, b.build, b.schema_name, b.state, b.problem, b.events_per_second,
       greatest(b.events_total - b.events_done, 0) as events_left,
       coalesce((select c.pos from proj.checkpoint c
                  where c.ws = $1 and c.schema_name = b.schema_name
                  order by c.seq desc limit 1), 0) as checkpoint,
       (select count(*) from proj.quarantine q where q.ws = $1 and q.schema_name = b.schema_name) as quarantined
  from proj.build b
 where b.state <> 'retired'
 order by b.name, b.version, b.build
