//! The whole service measured: accepted commands through the library and through HTTP, append to visible, first pages of
//! views over many tickets, memory; beside the limits of the machine and one transaction per command, in one run.
//!
//! `cargo bench -p server --bench spine`; `ROUNDS` (7), `SECONDS` (2, per measurement) and `TICKETS` (100000) change it. For
//! profiling, `ONLY_CALLERS=64` runs that many callers of the library against one transaction per command and nothing else. `SNAPSHOT=1` compares 64 callers
//! with and without a snapshot held open by somebody else, in pairs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

#[path = "../../../event-store/benches/log/baseline.rs"]
mod baseline;
mod domain;
mod empty;
mod http;
#[path = "../../../event-store/benches/log/machine.rs"]
mod machine;
#[path = "../../../event-store/benches/log/processor.rs"]
mod processor;
mod served;
mod setup;
mod snapshot;
#[path = "../../../event-store/benches/log/table.rs"]
mod table;
mod visible;

use setup::Setup;
use table::Table;

/// The program's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

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
    let mut table = Table::default();
    let setup = Setup::new().await;
    if let Some(callers) = std::env::var("ONLY_CALLERS").ok().and_then(|text| text.parse().ok()) {
        for _ in 0..rounds {
            baseline::transactions(&setup, &mut table, callers).await;
            domain::measure(&setup, &mut table, callers).await;
        }
        table.print();
        let library = format!("library, {callers} callers");
        let plain = format!("one transaction per command, {callers} callers");
        return table.ratio(&library, &plain, "commands/s");
    }
    if std::env::var_os("SNAPSHOT").is_some() {
        snapshot::measure(&setup, &mut table, rounds).await;
        table.print();
        return snapshot::ratio(&table);
    }
    for round in 0..rounds {
        eprintln!("library, round {} of {rounds}", round + 1);
        machine::measure(&setup, &mut table);
        // What is compared stands side by side.
        for callers in [64, 1] {
            baseline::transactions(&setup, &mut table, callers).await;
            domain::measure(&setup, &mut table, callers).await;
        }
        domain::measure(&setup, &mut table, 16).await;
        baseline::copy(&setup, &mut table).await;
        baseline::cpu(&setup, &mut table).await;
        empty::measure(&mut table).await;
    }
    domain::fill(&setup, usize::try_from(setup::number("TICKETS", 100_000)).unwrap(), &mut table)
        .await;
    let served = setup.serve().await;
    served.wait_for_views(&mut table).await;
    served.memory(&mut table, "resident, views caught up");
    for round in 0..rounds {
        eprintln!("served, round {} of {rounds}", round + 1);
        served.pages(&mut table).await;
        for callers in [1, 16, 64] {
            served.commands(&mut table, callers).await;
        }
        served.memory(&mut table, "resident, after 64 callers");
        served.visible(&mut table).await;
    }
    served.stop().await;
    table.print();
    table.ratio("library, 64 callers", "one transaction per command, 64 callers", "commands/s");
    table.ratio("append function, batch 64", "bare unnest insert, batch 64", "server µs/event");
    table.ratio("append function, batch 1024", "bare unnest insert, batch 1024", "server µs/event");
}
