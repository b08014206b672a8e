select s.relation, s.rewritten_at is not null as rewritten,
       s.file_before is distinct from pg_relation_filenode(to_regclass(s.relation))::bigint as moved
from ops.erasure_storage s
where s.ws = $1 and s.erasure_id = $2
order by s.relation
