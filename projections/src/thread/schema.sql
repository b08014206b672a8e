create table thread_item (
    ws uuid not null,
    ticket uuid not null,
    item uuid not null,
    kind text not null,
    direction text,
    channel uuid,
    author text,
    occurred_at bigint not null,
    position bigint not null,
    content jsonb not null,
    answers uuid,
    delivery text,
    delivery_reason text,
    deliver_after bigint,
    automatic text,
    imported boolean not null,
    raw jsonb,
    redacted jsonb,
    primary key (ws, ticket, item)
);
-- Pages, oldest first.
create index thread_item_order on thread_item (ws, ticket, occurred_at, position, item);

create table thread_copy (
    ws uuid not null,
    ticket uuid not null,
    position bigint not null,
    message uuid,
    channel uuid,
    occurred_at bigint not null,
    raw jsonb not null,
    primary key (ws, ticket, position)
);
