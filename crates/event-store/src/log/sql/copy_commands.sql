declare commands_in_order no scroll cursor for
select no, ord, cmd, first_pos, n, body_hash from es.command where ws = $1 and no > $2 and no <= $3 order by no, ord
