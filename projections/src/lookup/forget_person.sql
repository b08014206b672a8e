delete from lookup_person where ws = $1 and person = $2
