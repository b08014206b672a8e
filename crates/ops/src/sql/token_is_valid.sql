select exists (
    select from ops.api_token t
    where t.ws = $1 and t.token_id = $2 and t.revoked_at_us is null)
