select count(*) from (select 1 from tally_change as c where c.ws = $1 and c.late and c.position > $2 limit $3) as found
