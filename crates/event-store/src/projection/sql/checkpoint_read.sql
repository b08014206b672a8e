select seq, pos, commit_no, hash from proj.checkpoint where ws = $1 and schema_name = $2 order by seq desc limit 1
