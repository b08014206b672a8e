//! The event log on Postgres: append, read, follow; the command handler; the projection engine. No domain.

pub mod handler;
pub mod log;
pub mod migrate;
pub mod projection;
