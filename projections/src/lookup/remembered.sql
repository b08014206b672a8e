select (select count(*) from lookup_person as p where p.ws = $1 and p.person = $2)
     + (select count(*) from lookup_email as e where e.ws = $1 and e.person = $2)
     + (select count(*) from lookup_term as t where t.ws = $1 and t.person = $2) as rows
