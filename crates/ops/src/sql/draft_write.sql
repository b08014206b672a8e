update ops.draft_body
set ticket_id = $3, cipher = $4, attachment_ids = $5, updated_at_us = $6
where ws = $1 and draft_id = $2
  and exists (select 1 from vault.key k where k.ws = $1 and k.key_id = $7)
