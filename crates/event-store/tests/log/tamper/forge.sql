-- The hashes as anybody can make them who reads the documentation.
create function pg_temp.part(bytes bytea) returns bytea language sql as
$$ select int8send(length(bytes)) || bytes $$;

create function pg_temp.leaf(e es.event) returns bytea language sql as
$$ select sha256('ledgerdesk.leaf.1'::bytea || uuid_send(e.ws) || uuid_send(e.stream) || int4send(e.version)
   || int2send(e.schema_v) || uuid_send(e.cmd)
   || coalesce('\x01'::bytea || int8send((extract(epoch from e.occurred_at) * 1000000)::bigint), '\x00'::bytea)
   || pg_temp.part(convert_to(e.kind, 'UTF8')) || pg_temp.part(convert_to(e.type, 'UTF8'))
   || pg_temp.part(convert_to(e.actor, 'UTF8')) || pg_temp.part(convert_to(e.meta, 'UTF8'))
   || pg_temp.part(e.payload)) $$;

create function pg_temp.hash(c es.commit) returns bytea language sql as
$$ select sha256(uuid_send(c.ws) || int8send(c.no) || int8send(c.first_pos)
   || int4send((c.last_pos - c.first_pos + 1)::integer) || int8send(c.last_number) || int8send(c.last_directory)
   || uuid_send(c.node) || int8send((extract(epoch from c.at) * 1000000)::bigint)
   || coalesce((select p.hash from es.commit p where p.ws = c.ws and p.no = c.no - 1), decode(repeat('00', 32), 'hex'))
   || c.content
   || coalesce((select string_agg(e.leaf, ''::bytea order by e.pos) from es.event e
                 where e.ws = c.ws and e.pos between c.first_pos and c.last_pos), ''::bytea)) $$;
