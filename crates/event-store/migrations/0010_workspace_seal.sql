-- A workspace's own row is no part of its chain. A digest beside it shows when the row was edited by hand.
create function es.workspace_seal(p_ws uuid, p_made_at timestamptz, p_closed_at timestamptz) returns bytea
language sql stable
set search_path = pg_catalog
as $$
    select sha256('ledgerdesk.workspace.1'::bytea || uuid_send(p_ws)
                  || int8send((extract(epoch from p_made_at) * 1000000)::bigint)
                  || coalesce('\x01'::bytea || int8send((extract(epoch from p_closed_at) * 1000000)::bigint), '\x00'::bytea))
$$;

alter table es.workspace add column seal bytea;
update es.workspace set seal = es.workspace_seal(ws, made_at, closed_at);
alter table es.workspace alter column seal set not null;

-- Makes a workspace known to the log. Repeating it changes nothing.
create or replace function es.open_workspace(p_ws uuid) returns void
language sql volatile security definer
set search_path = pg_catalog
as $$
    insert into es.workspace (ws, made_at, seal)
    select p_ws, n.at, es.workspace_seal(p_ws, n.at, null)
      from (select clock_timestamp() as at offset 0) n
     where not exists (select 1 from es.workspace w where w.ws = p_ws)
$$;

revoke all on function es.workspace_seal from public;
