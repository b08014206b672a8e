create table trace_ticket (
    ws uuid not null,
    person uuid not null,
    ticket uuid not null,
    since bigint not null,
    primary key (ws, person, ticket)
);

create table trace_erasure (
    ws uuid not null,
    erasure uuid not null,
    kind text not null,
    subject uuid not null,
    ticket uuid,
    reason text not null,
    requested_by text not null,
    requested_at bigint not null,
    position bigint not null,
    destroyed_at bigint,
    completed_at bigint,
    primary key (ws, erasure)
);
create index trace_erasure_order on trace_erasure (ws, position desc);
create index trace_erasure_pending on trace_erasure (ws, position) where completed_at is null;
