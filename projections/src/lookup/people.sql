select p.person, p.kind, p.name, p.sort_name, p.emails::text as emails, p.phones::text as phones, p.primary_email, p.active
  from unnest($2::uuid[]) with ordinality as u(person, ord)
 cross join lateral (select l.* from lookup_person as l where l.ws = $1 and l.person = u.person offset 0) as p
 order by u.ord
