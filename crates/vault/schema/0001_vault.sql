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

-- A content's key is found through what it seals, never by scope: most rows need no entry here.
create index assignment_by_scope on vault.assignment (ws, kind, scope_id) where kind <> 'content';

create table vault.subject (
    ws uuid not null,
    subject uuid not null,
    key_id uuid not null,
    primary key (ws, subject, key_id)
);

-- Who shares a key is asked by erasure alone, which can afford to scan.

-- One sealed row proves that the key file belongs to this database (ws is nil: it concerns all workspaces).
create table vault.check (
    ws uuid not null,
    sealed_check bytea not null,
    primary key (ws)
);
