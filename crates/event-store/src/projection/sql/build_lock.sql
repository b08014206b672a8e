select pg_advisory_xact_lock(hashtextextended('ledgerdesk projection builds', 11))
