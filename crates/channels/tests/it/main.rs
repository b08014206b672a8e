//! What channels promise, on a real Postgres.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like a test")]

mod desk;
mod import;
