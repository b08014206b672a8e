select c.relnamespace::regnamespace::text as name from pg_class as c where c.oid = to_regclass('inbox_ticket')
