insert into ops.draft_body (ws, draft_id, ticket_id, user_id, kind, cipher, attachment_ids, updated_at_us)
values ($1, $2, $3, $4, $5, ''::bytea, '{}'::uuid[], $6)
on conflict (ws, draft_id) do nothing
