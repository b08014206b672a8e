select count(*) filter (where c.source is not null) as created, count(*) filter (where c.source is null) as changed,
       min(c.position) as first_position, max(c.position) as last_position
  from tally_change as c
 where c.ws = $1 and c.position > $2 and c.position <= $3 and c.effect_at <= $4
