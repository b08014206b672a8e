select d.dimension, d.value, sum(d.n)::bigint as n
  from (
       select v.dimension, v.value, v.n
         from tally_change as c
        cross join lateral (
              values (6::smallint, c.source, 1), (7::smallint, c.channel, 1), (1::smallint, c.pipeline_from, -1), (1::smallint, c.pipeline_to, 1),
                     (2::smallint, c.status_from, -1), (2::smallint, c.status_to, 1), (3::smallint, c.owner_from, -1),
                     (3::smallint, c.owner_to, 1), (4::smallint, c.team_from, -1), (4::smallint, c.team_to, 1),
                     (5::smallint, c.priority_from, -1), (5::smallint, c.priority_to, 1)) as v(dimension, value, n)
        where c.ws = $1 and c.position <= $4 and c.effect_at <= $3
          and v.value is not null and v.dimension = any($2)
       ) as d
 group by d.dimension, d.value having sum(d.n) <> 0
