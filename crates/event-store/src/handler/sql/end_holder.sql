select pg_terminate_backend(l.pid)
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'advisory'
   and l.granted
   and l.objsubid = 1
   and l.database = (select d.oid from pg_database d where d.datname = current_database())
   and (l.classid::bigint << 32) | l.objid::bigint = hashtextextended($1::text, 7)
   and a.xact_start < clock_timestamp() - $2 * interval '1 millisecond'
