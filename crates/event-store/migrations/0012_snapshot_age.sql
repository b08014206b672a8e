-- How long ago the oldest transaction began that still looks at an old state of the database: a dump, a report, somebody who
-- forgot. Until it ends nothing dead is cleared away. The owner sees more of others than the application may.
create function es.oldest_snapshot() returns interval
language sql stable security definer
set search_path = pg_catalog
as $$
    select coalesce(max(clock_timestamp() - a.xact_start), interval '0')
      from pg_stat_activity a
     where a.backend_xmin is not null and a.pid <> pg_backend_pid() and a.backend_type = 'client backend'
$$;
revoke all on function es.oldest_snapshot() from public;

do $$
begin
    if exists (select 1 from pg_catalog.pg_roles where rolname = 'ledgerdesk_app') then
        grant execute on function es.oldest_snapshot() to ledgerdesk_app;
    end if;
end
$$;
