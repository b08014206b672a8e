select user_id, ticket from inbox_mention where ws = $1 and (user_id, ticket) > ($2, $3)
 order by user_id, ticket limit $4
