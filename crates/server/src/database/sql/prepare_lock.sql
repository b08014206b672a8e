-- One starter prepares at a time; the session holds the lock until it ends.
select pg_advisory_lock($1)
