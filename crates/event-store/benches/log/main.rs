//! What the log costs, beside the limits of the machine and the plainest ways to write the same rows. One run measures all
//! of it in turn, several times over, on one Postgres with fsync on, and prints medians with their spread.
//!
//! `cargo bench -p event-store --bench log`; `ROUNDS` (7) and `SECONDS` (2, per measurement) change its length. For profiling,
//! `ONLY_CALLERS=64` runs one kind of load and nothing else, `DEPOSITS=1` leaves out commands that seal, and `ONLY_CPU=1` measures
//! the server's processor time alone, `ONLY_VERIFY=1` the proof of a log of `EVENTS` (300000) events.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

#[path = "../../tests/log/bank.rs"]
#[allow(dead_code, reason = "the toy domain is shared with the tests")]
mod bank;
mod baseline;
mod callers;
mod machine;
mod processor;
mod proof;
mod setup;
mod table;

use setup::Setup;
use table::Table;

fn main() {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

async fn run() {
    let rounds = setup::number("ROUNDS", 7);
    let setup = Setup::new().await;
    let mut table = Table::default();
    if let Some(callers) = std::env::var("ONLY_CALLERS").ok().and_then(|text| text.parse().ok()) {
        // For profiling: nothing but one kind of load.
        for _ in 0..rounds {
            callers::measure(&setup, &mut table, callers).await;
        }
        table.print();
        return setup.remove().await;
    }
    if std::env::var_os("ONLY_VERIFY").is_some() {
        proof::measure(&setup, &mut table).await;
        table.print();
        return setup.remove().await;
    }
    if std::env::var_os("ONLY_CPU").is_some() {
        for _ in 0..rounds {
            baseline::cpu(&setup, &mut table).await;
        }
        table.print();
        return setup.remove().await;
    }
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        machine::measure(&setup, &mut table);
        // What is compared stands side by side.
        for callers in [64, 1] {
            baseline::transactions(&setup, &mut table, callers).await;
            callers::measure(&setup, &mut table, callers).await;
        }
        callers::measure(&setup, &mut table, 16).await;
        baseline::copy(&setup, &mut table).await;
        baseline::cpu(&setup, &mut table).await;
    }
    table.print();
    table.ratio("library, 64 callers", "one transaction per command, 64 callers", "commands/s");
    table.ratio("append function, batch 64", "bare unnest insert, batch 64", "server µs/event");
    table.ratio("append function, batch 1024", "bare unnest insert, batch 1024", "server µs/event");
    setup.remove().await;
}
