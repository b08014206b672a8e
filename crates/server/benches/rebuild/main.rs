//! Rebuilding views from invented history: how fast against the live path, against reading and decoding alone and against `copy`
//! and indexing alone; how much memory; what readers notice.
//!
//! `cargo bench -p server --bench rebuild`; `TICKETS` (20000), `PAIRS` (7 interleaved rounds), `VIEWS` (inbox,thread,timeline,lookup),
//! `LIVE_TICKETS` (1280, written by 64 callers and an eighth of them by one, and folded commit by commit in each round), `BEHIND`
//! (60000 events caught up with in each round) and `KEEP` (a folder that is filled once and used again) change it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

mod bare;
mod readers;
mod setup;
#[path = "../../../event-store/benches/log/table.rs"]
mod table;
mod writers;

use std::process::ExitCode;
use std::time::Instant;

use event_store::projection::ProjectionType;
use event_store::projection::rebuild::{BuildState, Force, Progress};

use readers::Readers;
use setup::Setup;
use table::Table;

/// The program's own.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
    ExitCode::SUCCESS
}

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

async fn measure() {
    let setup = Setup::filled(number("TICKETS", 20_000)).await;
    let wanted =
        std::env::var("VIEWS").unwrap_or_else(|_| "inbox,thread,timeline,lookup".to_owned());
    println!("{} events\n", setup.events().await);
    for name in wanted.split(',') {
        let view = projections::registry().into_iter().find(|view| view.name == name).unwrap();
        one(&setup, view).await;
    }
    setup.stop().await;
}

async fn one(setup: &Setup, view: ProjectionType) {
    println!("## {}\n", view.name);
    let (mut table, mut build) = (Table::default(), setup.read_build(view).await);
    for _ in 0..number("PAIRS", 7) {
        build = round(setup, (view, build), &mut table).await;
    }
    table.print();
    table.ratio("rebuild", "live path, one writer", "events/s");
    table.ratio("rebuild", "live path, 64 writers", "events/s");
    table.ratio("rebuild", "catching up", "events/s");
    table.ratio("copying and indexing", "slower of reading and copy", "events/s");
    table.ratio("p99 while rebuilding", "p99 without", "ms");
    table.ratio("verify sums", "bare sums", "s");
    println!();
}

/// One round of everything; answers the build that is read after it.
async fn round(setup: &Setup, (view, build): (ProjectionType, u32), table: &mut Table) -> u32 {
    let active = view.at_build(build);
    table.add("live path, 64 writers", "events/s", bare::live(setup, active, 64).await);
    table.add("live path, one writer", "events/s", bare::live(setup, active, 1).await);
    table.add("catching up", "events/s", bare::catching_up(setup, view).await);
    let events = setup.events().await as f64;
    let reading = events / bare::read_and_decode(setup, view).await;
    let copying = events / bare::copy_and_index(setup, view.at_build(build)).await;
    table.add("reading and decoding", "events/s", reading);
    table.add("copy and index", "events/s", copying);
    table.add("slower of reading and copy", "events/s", reading.min(copying));
    let workshop = setup.workshop();
    let stages = std::sync::Mutex::new(Vec::new());
    let told = |progress: Progress| {
        let mut stages = stages.lock().unwrap();
        if stages.last().is_none_or(|(state, _)| *state != progress.state) {
            stages.push((progress.state, Instant::now()));
        }
    };
    setup::forget_peak();
    let began = Instant::now();
    let rebuilt = workshop.rebuild(view, &told).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    table.add("peak memory of the process", "MB", setup::peak_mb());
    assert_eq!(rebuilt.differences, [], "{}", view.name);
    table.add("rebuild", "events/s", events / took);
    let at = |wanted: BuildState| {
        let stages = stages.lock().unwrap();
        let found = stages.iter().find(|(state, _)| *state == wanted);
        found.map_or(took, |(_, at)| (*at - began).as_secs_f64())
    };
    let built = at(BuildState::CatchingUp);
    table.add("copying and indexing", "events/s", events / built);
    table.add("copying", "s", at(BuildState::Indexing) - at(BuildState::Copying));
    table.add("indexing", "s", built - at(BuildState::Indexing));
    table.add("verify sums", "s", at(BuildState::Ready) - at(BuildState::Verifying));
    table.add("bare sums", "s", bare::sums(setup, view.at_build(build)).await);
    workshop.switch(view, Force::No).await.unwrap();
    setup.lead_readers().await;
    workshop.retire(view, Force::Yes).await.unwrap();
    let quiet = Readers::start(setup).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    table.add("p99 without", "ms", quiet.p99().await);
    let busy = Readers::start(setup).await;
    workshop.rebuild(view, &|_| {}).await.unwrap();
    table.add("p99 while rebuilding", "ms", busy.p99().await);
    workshop.abort(view).await.unwrap();
    rebuilt.build
}
