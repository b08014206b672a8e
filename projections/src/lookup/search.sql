select p.person, p.kind, p.name, p.sort_name, p.emails::text as emails, p.phones::text as phones, p.primary_email, p.active
  from (select distinct f.person
          from (select t.person from lookup_term as t
                 where t.ws = $1 and t.term ~>=~ $2 and t.term ~<~ $3
                 order by t.term using ~<~ limit $6) as f) as c
 cross join lateral (select l.* from lookup_person as l where l.ws = $1 and l.person = c.person offset 0) as p
 where ($7::text is null or p.kind = $7)
   and not exists (
       select 1 from unnest($4::text[], $5::text[]) as w(low, high)
        where not exists (
              select 1 from lookup_term as o
               where o.ws = $1 and o.person = c.person and o.term ~>=~ w.low and o.term ~<~ w.high))
 order by p.active desc, p.sort_name, p.person limit $8
