select commit_no, document from ops.signed_head where ws = $1 and commit_no < $2 order by commit_no desc limit $3
