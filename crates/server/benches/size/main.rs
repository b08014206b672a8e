//! The service at size: fills a fresh data folder with invented history, lets the views catch up, then asks over HTTP for
//! everything that is looked at all day, cold and warm, and says how large and how loose the tables became.
//!
//! `cargo bench -p server --bench size`; `TICKETS` (100000; several with commas), `REQUESTS` (200, of each kind), `COLD` (3 starts with
//! nothing in memory), `BIG` (50000 events of one ticket, 0 for none), `SECONDS` (20, of load) and `KEEP` (a folder that is filled once and
//! used again) change it. At a million tickets it needs 40 GB of disk. Interrupted, it goes on with what `KEEP` holds.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

mod big;
mod cases;
mod desk;
#[expect(dead_code, reason = "the soak looks at more of an answer")]
#[path = "../soak/http.rs"]
mod http;
mod load;
#[path = "../soak/process.rs"]
#[expect(dead_code, reason = "the soak looks at more")]
mod process;
mod reads;
mod storage;
#[expect(dead_code, reason = "other benchmarks print ratios")]
#[path = "../../../event-store/benches/log/table.rs"]
mod table;
mod then;

use std::process::ExitCode;

use cases::Cases;
use desk::Desk;
use table::Table;

fn main() -> ExitCode {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let sizes = std::env::var("TICKETS").unwrap_or_else(|_| "100000".to_owned());
    let mut failures = 0;
    for tickets in sizes.split(',').map(|text| text.trim().parse().unwrap()) {
        failures += runtime.block_on(measure(tickets));
    }
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

/// Answers how many requests failed.
async fn measure(tickets: u64) -> u64 {
    println!("\n## {tickets} tickets\n");
    let mut table = Table::default();
    let mut desk = Desk::filled(tickets, &mut table).await;
    desk.wait_for_views(&mut table).await;
    table.add("resident, views caught up", "MB", desk.resident_mb());
    let big = big::ticket(&desk, &mut table).await;
    desk.wait_for_views(&mut Table::default()).await;
    let cases = Cases::of(&desk, big.as_deref()).await;
    let mut failures = reads::cold(&mut desk, &cases, &mut table).await;
    failures += reads::warm(&desk, &cases, &mut table).await;
    failures += load::measure(&desk, &cases, &mut table).await;
    table.print();
    storage::describe(&desk).await;
    desk.stop().await;
    failures
}
