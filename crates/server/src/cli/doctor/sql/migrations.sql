select version, success from public.ledgerdesk_migration order by version
