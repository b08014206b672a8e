select no, first_pos, last_pos, last_number, last_directory, at, node, content, hash
  from es.commit where ws = $1 and last_pos >= $2 order by last_pos, no limit 1
