delete from lookup_email where ws = $1 and person = $2
