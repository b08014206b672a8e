//! The projection engine against Postgres, with a toy view: batches, crashes, fencing, faults, following.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what the tests share may fail like a test")]

mod batches;
mod builds;
mod database;
mod faults;
mod folded_ahead;
mod following;
mod notices;
mod rebuilding;
mod toy;
