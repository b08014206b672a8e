select s.subject, s.key_id
from vault.subject s
where s.ws = $1
  and exists (select 1 from vault.assignment a where a.ws = $1 and a.key_id = s.key_id and a.kind <> 'draft')
order by s.subject, s.key_id
