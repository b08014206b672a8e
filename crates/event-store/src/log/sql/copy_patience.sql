-- Whoever takes a copy may be slow; the transaction may wait for them, for its own length.
select set_config('idle_in_transaction_session_timeout', '0', true)
