insert into ops.signed_head (ws, commit_no, signed_at_us, document)
values ($1, $2, $3, $4)
on conflict (ws, commit_no) do nothing
