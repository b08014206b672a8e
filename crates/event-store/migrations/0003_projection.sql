-- What the projection engine remembers. Insert-only where it is hot; old checkpoints are pruned now and then.
create schema proj;

-- Which schema holds which version of a projection, and which one readers use.
create table proj.build (
    name text not null,
    version integer not null,
    build integer not null default 1,
    schema_name text not null,
    state text not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (name, version, build)
);

-- The primary key fences an owner that lost its lease: two cannot insert the same seq.
create table proj.checkpoint (
    ws uuid not null,
    schema_name text not null,
    seq bigint not null,
    pos bigint not null,
    commit_no bigint not null,
    hash bytea not null,
    at timestamptz not null default clock_timestamp(),
    primary key (ws, schema_name, seq)
);

-- Streams a projection could not fold: their rows are stale until the cause is mended.
create table proj.quarantine (
    ws uuid not null,
    schema_name text not null,
    stream uuid not null,
    pos bigint not null,
    error text not null,
    at timestamptz not null default clock_timestamp(),
    primary key (ws, schema_name, stream)
);
