delete from lookup_term where ws = $1 and person = $2
