select p.person, p.kind, p.name, p.sort_name, p.emails::text as emails, p.phones::text as phones, p.primary_email, p.active
  from lookup_person as p
 where p.ws = $1 and p.kind = $2 and (p.sort_name, p.person) > ($3, $4)
 order by p.sort_name, p.person limit $5
