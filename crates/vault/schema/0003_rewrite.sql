-- Copies the keys that exist into new files: dead rows would keep the bytes of destroyed ones. Only the owner of a table can
-- do that, so the application calls this. (An expression makes Postgres rewrite although the type stays.)
create function vault.rewrite_keys() returns void
language plpgsql volatile security definer
set search_path = pg_catalog
set lock_timeout = '2s'
as $$
begin
    alter table vault.key alter column wrapped type bytea using wrapped || ''::bytea;
end
$$;

revoke all on function vault.rewrite_keys from public;

do $$
begin
    if exists (select 1 from pg_catalog.pg_roles where rolname = 'ledgerdesk_app') then
        grant execute on function vault.rewrite_keys to ledgerdesk_app;
    end if;
end
$$;
