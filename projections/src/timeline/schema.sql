create table timeline_entry (
    ws uuid not null,
    ticket uuid not null,
    position bigint not null,
    version integer not null,
    at bigint not null,
    occurred_at bigint not null,
    actor text not null,
    kind text not null,
    data jsonb not null,
    cause uuid,
    command uuid not null,
    token uuid,
    undoes bigint,
    primary key (ws, ticket, position)
);
