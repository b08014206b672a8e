-- The log: insert-only. The application's role may read it and call es.append, nothing more.
create schema es;

create table es.workspace (
    ws uuid primary key,
    made_at timestamptz not null default clock_timestamp(),
    closed_at timestamptz
);

create table es.event (
    ws uuid not null,
    pos bigint not null,
    at timestamptz not null,
    occurred_at timestamptz,            -- null: the same as at
    stream uuid not null,
    version integer not null,
    kind text not null,
    type text not null,
    schema_v smallint not null,
    cmd uuid not null,
    actor text not null,
    meta text not null,
    payload bytea not null,
    leaf bytea not null,
    primary key (ws, pos),
    unique (ws, stream, version)
);
create index event_at on es.event using brin (at);
alter table es.event alter column payload set storage main;

create table es.commit (
    ws uuid not null,
    no bigint not null,
    first_pos bigint not null,
    last_pos bigint not null,
    last_number bigint not null,
    last_directory bigint not null,
    at timestamptz not null,
    node uuid not null,
    content bytea not null,             -- digest of the commit's command and claim rows
    hash bytea not null,
    primary key (ws, no)
);
create unique index commit_last_pos on es.commit (ws, last_pos, no);

create table es.command (
    ws uuid not null,
    cmd uuid not null,
    no bigint not null,
    ord integer not null,
    first_pos bigint not null,
    n integer not null,
    body_hash bytea not null,
    primary key (ws, cmd)
);

create table es.claim (
    ws uuid not null,
    scope text not null,
    key_mac bytea not null,
    seq integer not null,
    stream uuid,                        -- null: given back
    no bigint not null,
    ord integer not null,
    primary key (ws, scope, key_mac, seq)
);
