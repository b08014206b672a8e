//! The log and the command handler against a real Postgres, with a toy domain of bank accounts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests report by panicking"
)]

mod bank;
mod bank_model;
mod commands;
mod conflicts;
mod copying;
mod cuts;
mod database;
mod directory;
mod kinds;
mod model;
mod notices;
mod outlines;
mod pipeline;
mod plans;
mod rewind;
mod rights;
mod sealing;
mod tamper;
