-- Refusals of one kind within one minute are one row, and so are failures to sign in to one account within one quarter of an
-- hour: whoever tries again and again does not fill the database.
alter table ops.refusal add column times integer not null default 1;

create index refusal_by_time on ops.refusal (at_us);

create table ops.sign_in_failure (
    ws uuid not null,
    user_id uuid not null,
    window_us bigint not null,
    times integer not null,
    primary key (ws, window_us, user_id)
);

create index sign_in_failure_by_time on ops.sign_in_failure (window_us);
