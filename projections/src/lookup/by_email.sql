select p.person, p.kind, p.name, p.sort_name, p.emails::text as emails, p.phones::text as phones, p.primary_email, p.active
  from lookup_email as e
 cross join lateral (select l.* from lookup_person as l where l.ws = $1 and l.person = e.person offset 0) as p
 where e.ws = $1 and e.address = $2
 order by e.person limit $3
