select no, first_pos, last_pos, last_number, last_directory, at, node, content, hash
  from es.commit where ws = $1 order by no desc limit 1
