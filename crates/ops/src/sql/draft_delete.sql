delete from ops.draft_body
where ws = $1 and draft_id = $2
