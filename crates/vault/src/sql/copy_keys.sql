-- Keys that seal something; those of drafts stay behind.
select k.key_id, k.wrapped, (extract(epoch from k.made_at) * 1000000)::bigint as made_at_us
from vault.key k
where k.ws = $1
  and exists (select 1 from vault.assignment a where a.ws = $1 and a.key_id = k.key_id and a.kind <> 'draft')
order by k.key_id
