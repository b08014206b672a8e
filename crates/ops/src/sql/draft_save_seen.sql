select body_mac, draft_id from ops.draft_save where ws = $1 and user_id = $2 and key_mac = $3
