-- The application's role: it reads the log and appends through the function; it owns nothing in the log.
do $$
begin
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'ledgerdesk_app') then
        begin
            create role ledgerdesk_app login;
        exception when duplicate_object or unique_violation then null; -- another database made it meanwhile
        end;
    end if;
exception when insufficient_privilege then
    raise notice 'the role ledgerdesk_app cannot be made: the application will use the owner''s role';
end
$$;

revoke all on function es.append from public;
revoke all on function es.open_workspace from public;

do $$
declare
    name text;
begin
    if not exists (select 1 from pg_catalog.pg_roles where rolname = 'ledgerdesk_app') then
        return;
    end if;
    execute format('grant create, connect, temporary on database %I to ledgerdesk_app', current_database());
    grant usage on schema es to ledgerdesk_app;
    grant select on all tables in schema es to ledgerdesk_app;
    alter default privileges in schema es grant select on tables to ledgerdesk_app;
    grant execute on function es.append to ledgerdesk_app;
    grant execute on function es.open_workspace to ledgerdesk_app;
    for name in select nspname from pg_catalog.pg_namespace where nspname in ('vault', 'ops', 'proj') loop
        execute format('grant usage on schema %I to ledgerdesk_app', name);
        execute format('grant select, insert, update, delete on all tables in schema %I to ledgerdesk_app', name);
        execute format('grant usage, select on all sequences in schema %I to ledgerdesk_app', name);
        execute format('alter default privileges in schema %I grant select, insert, update, delete on tables to ledgerdesk_app', name);
    end loop;
end
$$;
