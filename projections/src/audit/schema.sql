create table audit_entry (
    ws uuid not null,
    position bigint not null,
    at bigint not null,
    actor text not null,
    token uuid,
    kind text not null,
    stream_kind text not null,
    stream uuid not null,
    target uuid not null,
    ticket uuid,
    cause uuid,
    command uuid not null,
    data jsonb not null,
    primary key (ws, position)
);

create index audit_entry_by_target on audit_entry (ws, target, position);
