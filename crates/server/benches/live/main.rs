//! Live connections measured on the program itself, over loopback: what many of them cost in memory, how long a message takes
//! from the answer to a write to each of them, and that each of them is told everything.
//!
//! `cargo bench -p server --bench live`; `CONNECTIONS` (1000), `SECONDS` (20) and `RATE` (50 commands/s) change it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark reports by panicking"
)]

#[path = "../spine/http.rs"]
mod http;
mod listeners;
mod program;
#[path = "../../../event-store/benches/log/table.rs"]
#[expect(dead_code, reason = "nothing is compared here")]
mod table;

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use table::Table;

use http::Client;
use listeners::Listeners;
use program::Program;

fn main() {
    // `cargo test --benches` passes flags of the test harness; a benchmark is not a test.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run());
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn run() {
    let connections = usize::try_from(number("CONNECTIONS", 1_000)).unwrap();
    let (seconds, rate) = (Duration::from_secs(number("SECONDS", 20)), number("RATE", 50));
    let mut table = Table::default();
    let program = Program::start().await;
    // What the first commands and a first connection cost is no cost of many connections.
    let mut client = Client::connect(&program.address, &program.tokens[0]).await;
    write(&mut client, Duration::from_secs(3), rate).await;
    let first = Listeners::open(&program, 1).await;
    write(&mut client, Duration::from_secs(1), rate).await;
    drop(first);
    let before = program.resident_mb();
    table.add("resident before", "MB", before);
    let (opened, cpu) = (Instant::now(), program.cpu_s());
    let listeners = Listeners::open(&program, connections).await;
    table.add(&format!("opening {connections} connections"), "s", opened.elapsed().as_secs_f64());
    table.add("server CPU to open one", "µs", (program.cpu_s() - cpu) * 1e6 / connections as f64);
    table.add(
        &format!("more with {connections} idle connections"),
        "MB",
        program.resident_mb() - before,
    );
    let (started, cpu) = (Instant::now(), program.cpu_s());
    let written = write(&mut client, seconds, rate).await;
    let took = started.elapsed().as_secs_f64();
    table.add("commands", "per s", written.len() as f64 / took);
    let last = written.last().unwrap().0;
    let heard = listeners.until(last).await;
    table.add("server CPU meanwhile", "cores", (program.cpu_s() - cpu) / took);
    table.add("messages delivered", "per s", (heard.len() * written.len()) as f64 / took);
    table.add("more after the messages", "MB", program.resident_mb() - before);
    let latencies = latencies(&written, &heard);
    for (name, share) in [("p50 ms", 0.5), ("p95 ms", 0.95), ("p99 ms", 0.99), ("max ms", 1.0)] {
        let index = ((latencies.len() - 1) as f64 * share) as usize;
        table.add("from the answer to a write to each connection", name, latencies[index] * 1000.0);
    }
    let stopping = Instant::now();
    program.stop().await;
    table.add("stopping with all of them open", "s", stopping.elapsed().as_secs_f64());
    table.print();
}

/// Writes at a rate; answers each command's position and when its answer came.
async fn write(client: &mut Client, within: Duration, rate: u64) -> Vec<(u64, Instant)> {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / u32::try_from(rate).unwrap());
    let (started, mut written) = (Instant::now(), Vec::new());
    while started.elapsed() < within {
        ticks.tick().await;
        let body = json!({ "name": "The printer is on fire again" }).to_string();
        let (status, answer) = client.send("POST", "/api/v1/tickets", Some(&body)).await;
        let answered = Instant::now();
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        written.push((answer["position"].as_str().unwrap().parse().unwrap(), answered));
    }
    written
}

/// In seconds, sorted. Every connection must have heard of every command, in order and once.
fn latencies(written: &[(u64, Instant)], heard: &[Vec<(u64, Instant)>]) -> Vec<f64> {
    let mut all = Vec::with_capacity(written.len() * heard.len());
    for heard in heard {
        let positions: Vec<u64> = heard.iter().map(|(position, _)| *position).collect();
        let wanted: Vec<u64> = written.iter().map(|(position, _)| *position).collect();
        assert_eq!(positions, wanted, "a connection was told something else");
        for ((_, answered), (_, arrived)) in written.iter().zip(heard) {
            all.push(arrived.saturating_duration_since(*answered).as_secs_f64());
        }
    }
    all.sort_by(f64::total_cmp);
    all
}
