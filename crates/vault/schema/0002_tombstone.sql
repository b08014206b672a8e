-- Which erasure destroyed a key. Keys of sent drafts and unused files go without one.
create table vault.tombstone (
    ws uuid not null,
    key_id uuid not null,
    erasure uuid not null,
    at_us bigint not null,
    primary key (ws, key_id)
);

create index tombstone_by_erasure on vault.tombstone (ws, erasure);
