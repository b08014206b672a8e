-- The append as before (0004), except that the log is asked for an older hash only where that is needed. As one condition, with the
-- parameters for values, it was planned anew at every append: a plan with constants looked cheaper each time, because mostly nothing
-- was left of it. With one caller that was a seventh of what a command costs the database.
create or replace function es.append(
    p_ws uuid, p_node uuid, p_after bigint, p_after_hash bytea, p_behind bytea, p_sure boolean,
    p_number bigint, p_directory bigint, p_numbers bigint, p_directory_offset integer,
    p_content bytea, p_leaves bytea,
    c_cmd uuid[], c_hash bytea[], c_offset integer[], c_n integer[],
    g_stream uuid[], g_version integer[],
    r_scope text[], r_mac bytea[], r_seq integer[],
    e_row es.pending[],
    k_scope text[], k_mac bytea[], k_seq integer[], k_stream uuid[],
    a_key uuid[], a_kind text[], a_scope uuid[], s_subject uuid[], s_key uuid[],
    out status smallint,                -- 0 written, 1 the base is stale, 2 see the lists, 3 workspace closed or unknown,
                                        -- 4 the commit p_after is not written yet
    out head_no bigint, out head_pos bigint, out head_number bigint, out head_directory bigint,
    out head_at timestamptz, out head_hash bytea,
    out dup_ord integer[], out dup_pos bigint[], out dup_n integer[], out dup_same boolean[],
    out bad_stream uuid[], out bad_version integer[],
    out bad_claim integer[], out bad_seq integer[], out bad_holder uuid[]
)
language plpgsql volatile security definer
set search_path = pg_catalog
set lock_timeout = '6s' -- whoever sent it gives it up soon after
set enable_sort = off -- while the log is small, another index and a sort look as cheap as the index made for it
as $$
declare
    v_prev_content bytea;
    v_prev_node uuid;
    v_prev_at timestamptz;
    v_sure boolean;
    v_n integer := length(p_leaves) / 32;
begin
    perform pg_advisory_xact_lock(hashtextextended(p_ws::text, 7));

    select c.no, c.last_pos, c.last_number, c.last_directory, c.at, c.hash, c.content, c.node
      into head_no, head_pos, head_number, head_directory, v_prev_at, head_hash, v_prev_content, v_prev_node
      from es.workspace w
      left join lateral (select * from es.commit c where c.ws = w.ws order by c.no desc limit 1) c on true
     where w.ws = p_ws and w.closed_at is null;
    if not found then
        status := 3;
        return;
    end if;
    if head_no is null then
        head_no := 0;
        head_pos := 0;
        head_number := 0;
        head_directory := 0;
        head_hash := decode(repeat('00', 32), 'hex');
    end if;
    head_at := v_prev_at;

    if head_no < p_after then
        status := 4;
        return;
    end if;
    -- Decided on top of a batch that is not the newest commit: versions alone would not tell, since another batch may have
    -- brought the same ones; nor would its content alone, since another node may have been sent the same commands.
    if v_prev_content <> p_behind or (p_behind is not null and v_prev_node <> p_node) then
        status := 1;
        return;
    end if;
    -- A log that was set back and has grown again is another log.
    if p_behind is null and p_after > 0 and head_hash is distinct from p_after_hash then
        if head_no = p_after
           or (select c.hash from es.commit c where c.ws = p_ws and c.no = p_after) is distinct from p_after_hash then
            status := 1;
            return;
        end if;
    end if;
    v_sure := p_sure and head_no = p_after and coalesce(head_hash = p_after_hash, p_behind is not null);

    -- Duplicates first: a repeat answers its original positions whatever else changed since. A node that is sure has not seen
    -- these ids lately; if one is there all the same, the primary key refuses the whole batch, which comes again unsure.
    if not v_sure then
        select array_agg(d.ord), array_agg((d.found).first_pos), array_agg((d.found).n),
               array_agg((d.found).body_hash = d.hash)
          into dup_ord, dup_pos, dup_n, dup_same
          from (select u.ord::integer as ord, u.hash,
                       (select c from es.command c where c.ws = p_ws and c.cmd = u.cmd) as found
                  from unnest(c_cmd, c_hash) with ordinality as u(cmd, hash, ord) offset 0) d
         where (d.found).n is not null;
        if dup_ord is not null then
            status := 2;
            return;
        end if;
    end if;

    if head_directory <> p_directory or (p_numbers > 0 and head_number <> p_number) then
        status := 1;
        return;
    end if;

    if not v_sure then
        select array_agg(g.stream), array_agg(g.actual) into bad_stream, bad_version
          from (select u.stream, u.version,
                       coalesce((select e.version from es.event e where e.ws = p_ws and e.stream = u.stream
                                  order by e.version desc limit 1), 0) as actual
                  from unnest(g_stream, g_version) as u(stream, version) offset 0) g
         where g.actual <> g.version;
    end if;

    if not v_sure and array_length(r_scope, 1) > 0 then
        select array_agg(r.ord), array_agg(r.actual), array_agg((r.newest).stream)
          into bad_claim, bad_seq, bad_holder
          from (select q.ord, q.seq, q.newest, coalesce((q.newest).seq, 0) as actual
                  from (select u.ord::integer as ord, u.seq,
                               (select k from es.claim k where k.ws = p_ws and k.scope = u.scope
                                   and k.key_mac = u.mac order by k.seq desc limit 1) as newest
                          from unnest(r_scope, r_mac, r_seq) with ordinality as u(scope, mac, seq, ord) offset 0) q) r
         where r.actual <> r.seq;
    end if;

    if bad_stream is not null or bad_claim is not null then
        status := 2;
        return;
    end if;

    head_at := greatest(clock_timestamp(), v_prev_at);
    head_no := head_no + 1;
    head_number := head_number + p_numbers;
    if p_directory_offset > 0 then
        head_directory := head_pos + p_directory_offset;
    end if;
    head_hash := sha256(uuid_send(p_ws) || int8send(head_no) || int8send(head_pos + 1) || int4send(v_n)
                        || int8send(head_number) || int8send(head_directory) || uuid_send(p_node)
                        || int8send((extract(epoch from head_at) * 1000000)::bigint) || head_hash || p_content || p_leaves);

    insert into es.commit (ws, no, first_pos, last_pos, last_number, last_directory, at, node, content, hash)
    values (p_ws, head_no, head_pos + 1, head_pos + v_n, head_number, head_directory, head_at, p_node, p_content, head_hash);

    insert into es.event (ws, pos, at, occurred_at, stream, version, kind, type, schema_v, cmd, actor, meta, payload, leaf)
    select p_ws, head_pos + u.ord, head_at,
           timestamptz 'epoch' + u.occurred * interval '1 microsecond',
           u.stream, u.version, u.kind, u.type, u.schema_v, u.cmd, u.actor, u.meta, u.payload,
           substring(p_leaves from u.ord::integer * 32 - 31 for 32)
      from unnest(e_row) with ordinality as u(cmd, stream, version, kind, type, schema_v, occurred, actor, meta, payload, ord);

    insert into es.command (ws, cmd, no, ord, first_pos, n, body_hash)
    select p_ws, u.cmd, head_no, u.ord,
           case when u.n = 0 then head_pos + u.off else head_pos + u.off + 1 end, u.n, u.hash
      from unnest(c_cmd, c_hash, c_offset, c_n) with ordinality as u(cmd, hash, off, n, ord);

    if array_length(k_scope, 1) > 0 then
        insert into es.claim (ws, scope, key_mac, seq, stream, no, ord)
        select p_ws, u.scope, u.mac, u.seq, u.stream, head_no, u.ord
          from unnest(k_scope, k_mac, k_seq, k_stream) with ordinality as u(scope, mac, seq, stream, ord);
    end if;

    if array_length(a_key, 1) > 0 then
        insert into vault.assignment (ws, key_id, kind, scope_id)
        select p_ws, u.key, u.kind, u.scope from unnest(a_key, a_kind, a_scope) as u(key, kind, scope);
    end if;
    if array_length(s_key, 1) > 0 then
        insert into vault.subject (ws, subject, key_id)
        select p_ws, u.subject, u.key from unnest(s_subject, s_key) as u(subject, key);
    end if;

    head_pos := head_pos + v_n;
    status := 0;
end
$$;
