-- Heads of the log as they were signed, to be fetched and kept elsewhere. Who owns the database can remove or forge rows, but not
-- sign; nothing rests on this table alone. Rows are only ever inserted.
create table ops.signed_head (
    ws uuid not null,
    commit_no bigint not null,
    signed_at_us bigint not null,
    document text not null,             -- one JSON object, as it is told
    primary key (ws, commit_no)
);
