-- No statement of the application reads a whole table: without this, a connection that made its plans while the tables were
-- small would keep some that do.
select set_config('enable_seqscan', 'off', false)
