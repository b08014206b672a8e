-- Where the migrations that a database has had are put down, as sqlx makes it.
create table public.ledgerdesk_migration (
    version bigint primary key,
    description text not null,
    installed_on timestamptz not null default now(),
    success boolean not null,
    checksum bytea not null,
    execution_time bigint not null
)
