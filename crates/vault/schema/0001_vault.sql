-- The key ring: wrapped keys, what each belongs to, whom each concerns. Rows of assignment and subject are only ever
-- inserted, by the append and by the owner of a draft; destroying a key deletes its row in vault.key and nothing else.
create schema if not exists vault;

create table vault.key (
    ws uuid not null,
    key_id uuid not null,
    wrapped bytea not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (ws, key_id)
);

create table vault.assignment (
    ws uuid not null,
    key_id uuid not null,
    kind text not null,
    scope_id uuid not null,
    primary key (ws, key_id, kind, scope_id)
);

create index assignment_by_scope on vault.assignment (ws, kind, scope_id);

create table vault.subject (
    ws uuid not null,
    subject uuid not null,
    key_id uuid not null,
    primary key (ws, subject, key_id)
);

create index subject_by_key on vault.subject (ws, key_id);

-- One sealed row proves that the key file belongs to this database (ws is nil: it concerns all workspaces).
create table vault.check (
    ws uuid not null,
    sealed_check bytea not null,
    primary key (ws)
);
