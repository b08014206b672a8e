-- Servers that run, so that an erasure knows whose memory must drop keys. Instants here are the database's own: leases of
-- several machines are compared with each other.
create table ops.node (
    ws uuid not null,
    node uuid not null,
    started_at timestamptz not null default clock_timestamp(),
    lease_until timestamptz not null,
    primary key (ws, node)
);

-- Erasures whose keys were destroyed, until every server has dropped them.
create table ops.erasure (
    ws uuid not null,
    erasure_id uuid not null,
    destroyed_at timestamptz not null default clock_timestamp(),
    done boolean not null default false,
    primary key (ws, erasure_id)
);
create index erasure_at_work on ops.erasure (ws) where not done;

create table ops.erasure_ack (
    ws uuid not null,
    erasure_id uuid not null,
    node uuid not null,
    at timestamptz not null default clock_timestamp(),
    primary key (ws, erasure_id, node)
);

-- Tables that had to be written anew for an erasure: in which file each was before.
create table ops.erasure_storage (
    ws uuid not null,
    erasure_id uuid not null,
    relation text not null,
    file_before bigint not null,
    rewritten_at timestamptz,
    primary key (ws, erasure_id, relation)
);
