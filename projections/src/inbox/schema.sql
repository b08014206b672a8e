create table inbox_ticket (
    ws uuid not null,
    ticket uuid not null,
    number bigint not null,
    name jsonb not null,
    pipeline uuid not null,
    status uuid not null,
    priority smallint not null,
    category text,
    source text not null,
    owner_user uuid,
    owner_team uuid,
    tags text[] not null,
    contacts uuid[] not null,
    primary_contact uuid,
    has_conversation boolean not null,
    imported boolean not null,
    created_at bigint not null,
    last_activity_at bigint not null,
    last_message uuid,
    last_message_at bigint,
    last_direction text,
    last_preview jsonb,
    version integer not null,
    primary key (ws, ticket)
);
-- The default views: one look-up per status, in the order of the page.
create index inbox_ticket_status on inbox_ticket (ws, status, last_activity_at desc, ticket desc);
create index inbox_ticket_owner on inbox_ticket (ws, owner_user, status, last_activity_at desc, ticket desc)
    where owner_user is not null;
create index inbox_ticket_unassigned on inbox_ticket (ws, status, last_activity_at desc, ticket desc)
    where owner_user is null and owner_team is null;
-- Free queries come from the index in memory; while there is none, at least newest first needs no sorting.
create index inbox_ticket_activity on inbox_ticket (ws, last_activity_at desc, ticket desc);
-- A contact has few tickets.
create index inbox_ticket_contacts on inbox_ticket using gin (contacts);

create table inbox_mention (
    ws uuid not null,
    user_id uuid not null,
    ticket uuid not null,
    last_at bigint not null,
    primary key (ws, user_id, ticket)
);
create index inbox_mention_newest on inbox_mention (ws, user_id, last_at desc, ticket desc);

create table inbox_status (
    ws uuid not null,
    status uuid not null,
    pipeline uuid not null,
    category text not null,
    name text not null,
    primary key (ws, status)
);

create table inbox_pipeline (
    ws uuid not null,
    pipeline uuid not null,
    name text not null,
    statuses uuid[] not null,
    archived boolean not null,
    primary key (ws, pipeline)
);
