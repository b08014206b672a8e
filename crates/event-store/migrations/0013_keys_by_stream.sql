-- What differs most comes first. Every insert compares its key with a dozen others on its way down an index, and within one
-- workspace the first column told none of them apart. Look-ups name all columns before the version, in whatever order.
alter table es.event add constraint event_stream_ws_version_key unique (stream, ws, version);
alter table es.event drop constraint event_ws_stream_version_key;

alter table es.command drop constraint command_pkey;
alter table es.command add constraint command_pkey primary key (cmd, ws);

-- Nobody asks for events by their time alone: es.commit tells which positions were written when, and costs one row a batch.
drop index es.event_at;
