-- A view is built anew beside itself: how far each build is, what stopped it, and what comparing it found.
alter table proj.build
    add column changed_at timestamptz not null default clock_timestamp(),
    add column replaced_at timestamptz,
    add column events_done bigint not null default 0,
    add column events_total bigint not null default 0,
    add column events_per_second double precision not null default 0,
    add column problem text,
    add column verified_at timestamptz,
    add column verified text;

-- Until now the tables of older versions were kept and called retired; from now on that word means that they are gone.
update proj.build set state = 'ready', replaced_at = clock_timestamp() where state = 'retired';
