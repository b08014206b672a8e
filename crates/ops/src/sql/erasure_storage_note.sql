insert into ops.erasure_storage (ws, erasure_id, relation, file_before)
select $1::uuid, $2::uuid, u.relation, pg_relation_filenode(to_regclass(u.relation))::bigint
from unnest($3::text[]) as u (relation)
where pg_relation_filenode(to_regclass(u.relation)) is not null
on conflict (ws, erasure_id, relation) do nothing
