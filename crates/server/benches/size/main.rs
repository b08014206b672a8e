//! The service at size: fills a fresh data folder with invented history, lets the views catch up, then asks over HTTP for
//! everything that is looked at all day, and says how large and how loose the tables became.
//!
//! `cargo bench -p server --bench size`; `TICKETS` (100000; several with commas), `REQUESTS` (200, of each kind) and `KEEP` (a folder that
//! is filled once and used again) change it. At a million tickets it needs 40 GB of disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

mod desk;
#[path = "../spine/http.rs"]
mod http;
mod reads;
mod storage;
#[expect(dead_code, reason = "other benchmarks print ratios")]
#[path = "../../../event-store/benches/log/table.rs"]
mod table;

use desk::Desk;
use table::Table;

fn main() {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let sizes = std::env::var("TICKETS").unwrap_or_else(|_| "100000".to_owned());
    for tickets in sizes.split(',').map(|text| text.trim().parse().unwrap()) {
        runtime.block_on(measure(tickets));
    }
}

async fn measure(tickets: u64) {
    println!("\n## {tickets} tickets\n");
    let mut table = Table::default();
    let desk = Desk::filled(tickets, &mut table).await;
    desk.wait_for_views(&mut table).await;
    reads::measure(&desk, &mut table).await;
    table.print();
    storage::describe(&desk).await;
    desk.stop();
}
