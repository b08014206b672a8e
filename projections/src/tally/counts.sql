select d.dimension, d.value, sum(d.n)::bigint as n
  from (
       select s.dimension, s.value, s.delta as n
         from tally_span as s
        where s.ws = $1 and s.level = 2 and s.dimension = any($2) and s.span < $9
       union all
       select s.dimension, s.value, s.delta as n
         from tally_span as s
        where s.ws = $1 and s.level = 1 and s.dimension = any($2) and s.span >= $7 and s.span < $8
       union all
       select s.dimension, s.value, s.delta as n
         from tally_span as s
        where s.ws = $1 and s.level = 0 and s.dimension = any($2) and s.span >= $5 and s.span < $6
       union all
       select v.dimension, v.value, v.n
         from tally_change as c
        cross join lateral (
              values (6::smallint, c.source, 1), (7::smallint, c.channel, 1), (1::smallint, c.pipeline_from, -1), (1::smallint, c.pipeline_to, 1),
                     (2::smallint, c.status_from, -1), (2::smallint, c.status_to, 1), (3::smallint, c.owner_from, -1),
                     (3::smallint, c.owner_to, 1), (4::smallint, c.team_from, -1), (4::smallint, c.team_to, 1),
                     (5::smallint, c.priority_from, -1), (5::smallint, c.priority_to, 1)) as v(dimension, value, n)
        where c.ws = $1 and c.effect_at >= $10 and c.effect_at <= $3
          and v.value is not null and v.dimension = any($2)
       union all
       select v.dimension, v.value, -v.n
         from tally_change as c
        cross join lateral (
              values (6::smallint, c.source, 1), (7::smallint, c.channel, 1), (1::smallint, c.pipeline_from, -1), (1::smallint, c.pipeline_to, 1),
                     (2::smallint, c.status_from, -1), (2::smallint, c.status_to, 1), (3::smallint, c.owner_from, -1),
                     (3::smallint, c.owner_to, 1), (4::smallint, c.team_from, -1), (4::smallint, c.team_to, 1),
                     (5::smallint, c.priority_from, -1), (5::smallint, c.priority_to, 1)) as v(dimension, value, n)
        where c.ws = $1 and c.late and c.position > $4 and c.effect_at <= $3
          and v.value is not null and v.dimension = any($2)
       union all
       select v.dimension, v.value, -v.n
         from tally_change as c
        cross join lateral (
              values (6::smallint, c.source, 1), (7::smallint, c.channel, 1), (1::smallint, c.pipeline_from, -1), (1::smallint, c.pipeline_to, 1),
                     (2::smallint, c.status_from, -1), (2::smallint, c.status_to, 1), (3::smallint, c.owner_from, -1),
                     (3::smallint, c.owner_to, 1), (4::smallint, c.team_from, -1), (4::smallint, c.team_to, 1),
                     (5::smallint, c.priority_from, -1), (5::smallint, c.priority_to, 1)) as v(dimension, value, n)
        where c.ws = $1 and not c.late and c.effect_at = $3 and c.position > $4
          and v.value is not null and v.dimension = any($2)
       ) as d
 group by d.dimension, d.value having sum(d.n) <> 0
