select no, last_pos, last_number, last_directory, at, hash from es.commit where ws = $1 order by no desc limit 1
