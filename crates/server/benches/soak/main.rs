//! The soak: the program itself on a private Postgres with fsync on, under half of what it can do for an hour, over HTTP, with an
//! open loop. Every minute it says how it goes; at its end it proves that nothing was lost or done twice, judges whether
//! memory and latency stayed flat, and fails when something did not hold.
//!
//! `cargo bench -p server --bench soak`; `MINUTES` (60), `RATE` (requests/s; half of the measured capacity otherwise), `RAMP` (seconds
//! for each step of measuring the capacity, 15), `SEED` (1) and `FOLDER` (/var/tmp) change it. An hour needs 20 GB of disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

mod act;
#[expect(
    dead_code,
    unused_imports,
    reason = "the inventor of history needs more of it, and its tests are there"
)]
#[path = "../../src/generate/chance.rs"]
mod chance;
mod desk;
mod http;
mod journal;
mod judge;
mod load;
mod minute;
mod people;
mod process;
mod proof;
mod report;
mod watch;
#[expect(dead_code, reason = "the inventor of history needs more of it")]
#[path = "../../src/generate/words.rs"]
mod words;
mod world;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch::{Receiver, channel};

use desk::Desk;
use journal::Journal;
use judge::Verdicts;
use load::Load;
use minute::Minutes;
use watch::Watchers;

/// How many tickets there are before it begins: so many that the pages of lists are full when the capacity is measured.
const TICKETS_BEFORE: usize = 3_000;
/// How long the views may take to catch up once nothing is written any more.
const CATCH_UP: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let held = runtime.block_on(run());
    if held { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

async fn run() -> bool {
    let minutes = number("MINUTES", 60).max(1);
    let stop = on_signal();
    let desk = Desk::start().await;
    let held = measure(&desk, minutes, stop).await;
    let stopped = desk.stop().await;
    let (mut verdicts, journal) = held;
    verdicts.add("stops within ten seconds", stopped.is_ok(), stopped.unwrap_or_else(|why| why));
    verdicts.print(&journal)
}

async fn measure(desk: &Desk, minutes: u64, mut stop: Receiver<bool>) -> (Verdicts, Arc<Journal>) {
    let journal = Arc::new(Journal::default());
    let load = Load::prepare(desk, Arc::clone(&journal), TICKETS_BEFORE).await;
    let watchers = Watchers::start(desk, Arc::clone(&journal)).await;
    let capacity = load.capacity(Duration::from_secs(number("RAMP", 15)), &stop).await;
    let rate = match number("RATE", 0) {
        0 => capacity / 2.0,
        rate => rate as f64,
    };
    println!("capacity {capacity:.0} requests/s; for {minutes} minutes at {rate:.0} requests/s\n");
    journal.begin();
    let mut taken = Minutes::begin(desk).await;
    let paced = load.paced(rate, Duration::from_secs(60 * minutes), stop.clone());
    let sampled = taken.sample((&journal, &watchers, &load), minutes, &mut stop);
    tokio::join!(paced, sampled);
    journal.minute();
    let mut verdicts = Verdicts::default();
    let interrupted = *stop.borrow();
    verdicts.add(
        "ran to its end",
        !interrupted,
        format!("{} of {minutes} minutes", taken.all.len()),
    );
    taken.judge(&mut verdicts);
    verdicts.views(desk.wait_for_views(CATCH_UP).await);
    proof::prove(desk, &journal, watchers, &mut verdicts).await;
    report::print(&taken, &journal, (capacity, rate));
    (verdicts, journal)
}

/// True from the first signal that asks for an end; the second ends the program at once.
fn on_signal() -> Receiver<bool> {
    let (tell, stop) = channel(false);
    let mut interrupts = signal(SignalKind::interrupt()).unwrap();
    let mut terminations = signal(SignalKind::terminate()).unwrap();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            if tell.send_replace(true) {
                eprintln!("it ends already: the server is stopped and its folder removed");
            } else {
                eprintln!("interrupted: what was done so far is judged");
            }
        }
    });
    stop
}
