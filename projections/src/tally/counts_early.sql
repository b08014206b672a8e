-- Changes with the same values are counted together before they are taken apart: there are few different ones, however many changes.
select d.dimension, d.value, sum(d.n)::bigint as n
  from (
       select v.dimension, v.value, v.n * c.changes as n
         from (
              select source, channel, pipeline_from, pipeline_to, status_from, status_to, owner_from, owner_to,
                     team_from, team_to, priority_from, priority_to, count(*) as changes
                from tally_change
               where ws = $1 and position <= $4 and effect_at <= $3
               group by source, channel, pipeline_from, pipeline_to, status_from, status_to, owner_from, owner_to,
                        team_from, team_to, priority_from, priority_to
              ) as c
        cross join lateral (
              values (6::smallint, c.source, 1), (7::smallint, c.channel, 1), (1::smallint, c.pipeline_from, -1), (1::smallint, c.pipeline_to, 1),
                     (2::smallint, c.status_from, -1), (2::smallint, c.status_to, 1), (3::smallint, c.owner_from, -1),
                     (3::smallint, c.owner_to, 1), (4::smallint, c.team_from, -1), (4::smallint, c.team_to, 1),
                     (5::smallint, c.priority_from, -1), (5::smallint, c.priority_to, 1)) as v(dimension, value, n)
        where v.value is not null and v.dimension = any($2)
       ) as d
 group by d.dimension, d.value having sum(d.n) <> 0
