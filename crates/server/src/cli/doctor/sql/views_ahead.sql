-- Views that stand at a commit which is not in the log.
select c.schema_name, c.commit_no
  from (select distinct on (p.ws, p.schema_name) p.ws, p.schema_name, p.commit_no, p.hash
          from proj.checkpoint p order by p.ws, p.schema_name, p.seq desc) c
 where c.commit_no > 0
   and not exists (select 1 from es.commit k where k.ws = c.ws and k.no = c.commit_no and k.hash = c.hash)
 order by c.schema_name
