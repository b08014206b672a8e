select s.status, s.pipeline, s.category, s.name
  from inbox_status as s
  join inbox_pipeline as p on p.ws = $1 and p.pipeline = s.pipeline
 where s.ws = $1
 order by p.name, p.pipeline, array_position(p.statuses, s.status)
