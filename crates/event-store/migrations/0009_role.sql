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
begin
    if exists (select 1 from pg_catalog.pg_roles where rolname = 'ledgerdesk_app') then
        execute format('grant create, connect, temporary on database %I to ledgerdesk_app', current_database());
        grant usage on schema es, vault, ops, proj to ledgerdesk_app;
        grant select on all tables in schema es to ledgerdesk_app;
        grant execute on function es.append to ledgerdesk_app;
        grant execute on function es.open_workspace to ledgerdesk_app;
        grant select, insert, update, delete on all tables in schema vault, ops, proj to ledgerdesk_app;
        alter default privileges in schema vault, ops, proj
            grant select, insert, update, delete on tables to ledgerdesk_app;
        alter default privileges in schema es grant select on tables to ledgerdesk_app;
    end if;
end
$$;
