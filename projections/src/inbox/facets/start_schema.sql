select n.nspname::text as name
  from pg_class as c
  join pg_namespace as n on n.oid = c.relnamespace
 where c.oid = to_regclass('inbox_ticket')
