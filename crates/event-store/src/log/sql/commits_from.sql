select no, first_pos, last_pos, at, hash from es.commit where ws = $1 and no >= $2 order by no limit $3
