//! The event log on Postgres: append, read, follow, command handler, projection engine.
