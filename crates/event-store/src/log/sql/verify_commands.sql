declare commands_in_order no scroll cursor for
select no, ord, cmd, first_pos, n, body_hash from es.command where ws = $1 order by no, ord
