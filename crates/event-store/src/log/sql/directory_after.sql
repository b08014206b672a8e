with recursive changing as (
    (select c.last_directory, c.first_pos, c.last_pos from es.commit c
      where c.ws = $1 and c.last_directory > $2 order by c.last_directory, c.no limit 1)
    union all
    select n.last_directory, n.first_pos, n.last_pos
      from changing p
     cross join lateral (
           select c.last_directory, c.first_pos, c.last_pos from es.commit c
            where c.ws = $1 and c.last_directory > p.last_directory order by c.last_directory, c.no limit 1) n
)
select e.pos, e.at, e.occurred_at, e.stream, e.version, e.kind, e.type, e.schema_v, e.cmd, e.actor, e.meta, e.payload
  from changing p
 cross join lateral (
       select pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload
         from es.event where ws = $1 and pos between p.first_pos and p.last_pos and pos > $2 and kind = any($3)
        order by pos offset 0) e
 order by e.pos
