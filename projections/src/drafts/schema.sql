create table draft_open (
    ws uuid not null,
    draft uuid not null,
    ticket uuid not null,
    user_id uuid not null,
    kind text not null,
    started_at bigint not null,
    saved_at bigint not null,
    primary key (ws, draft)
);
create index draft_open_newest on draft_open (ws, user_id, saved_at desc, draft desc);
create index draft_open_place on draft_open (ws, ticket, user_id, kind);
