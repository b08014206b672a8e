-- The tables of a build without a primary key.
select c.relname::text as name
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace
 where n.nspname = $1
   and c.relkind = 'r'
   and not exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
