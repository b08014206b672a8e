select commit_no, signed_at_us from ops.signed_head where ws = $1 order by commit_no desc limit 1
