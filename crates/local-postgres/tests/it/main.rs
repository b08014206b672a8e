//! What a private Postgres promises, on real processes.

#![expect(clippy::unwrap_used, reason = "what the tests share may fail like a test")]

mod attaching;
mod crashes;
mod lifecycle;
mod root;
mod shared;
mod support;
