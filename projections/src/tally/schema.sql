create table tally_ticket (
    ws uuid not null,
    ticket uuid not null,
    effect_at bigint not null,
    primary key (ws, ticket)
);

create table tally_change (
    ws uuid not null,
    position bigint not null,
    effect_at bigint not null,
    late boolean not null,
    source uuid,
    channel uuid,
    pipeline_from uuid,
    pipeline_to uuid,
    status_from uuid,
    status_to uuid,
    owner_from uuid,
    owner_to uuid,
    team_from uuid,
    team_to uuid,
    priority_from uuid,
    priority_to uuid,
    primary key (ws, position)
);
-- What is not summed yet: the last hours before an instant.
create index tally_change_effect on tally_change (ws, effect_at);
-- What was recorded later than it happened: it restates numbers about the past.
create index tally_change_late on tally_change (ws, position) where late;

create table tally_span (
    ws uuid not null,
    level smallint not null,
    dimension smallint not null,
    span bigint not null,
    value uuid not null,
    delta bigint not null,
    primary key (ws, level, dimension, span, value)
);
