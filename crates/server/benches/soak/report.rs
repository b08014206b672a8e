//! The table for docs/benchmarks.md.

use crate::journal::{Journal, part};
use crate::minute::{Minute, Minutes};

pub fn print(minutes: &Minutes<'_>, journal: &Journal, (capacity, rate): (f64, f64)) {
    let all = journal.all();
    let count: usize = all.values().map(Vec::len).sum();
    let (repeats, stale) = journal.repeats_and_stale();
    println!(
        "\n{} minutes, {count} requests, {rate:.0}/s asked for of {capacity:.0}/s measured; {} acknowledged, {repeats} sent again, \
         {stale} reads answered while their view was still behind\n",
        minutes.all.len(),
        journal.acks().len(),
    );
    println!(
        "| request | count | p50 ms | p95 ms | p99 ms | max ms |\n|---|---:|---:|---:|---:|---:|"
    );
    for (kind, took) in &all {
        println!(
            "| {} | {} | {:.1} | {:.1} | {:.1} | {:.0} |",
            kind.name(),
            took.len(),
            part(took, 0.50),
            part(took, 0.95),
            part(took, 0.99),
            part(took, 1.0),
        );
    }
    println!(
        "\n| what | first minute | in the middle | last minute | most |\n|---|---:|---:|---:|---:|"
    );
    let line = |what: &str, of: &dyn Fn(&Minute) -> f64| {
        let values: Vec<f64> = minutes.all.iter().map(of).collect();
        let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
        let last = values.len().saturating_sub(1);
        let most = values.iter().copied().fold(0.0, f64::max);
        println!(
            "| {what} | {:.0} | {:.0} | {:.0} | {most:.0} |",
            at(0),
            at(values.len() / 2),
            at(last)
        );
    };
    line("resident memory of the server, MB", &|minute| minute.held.resident_mb);
    line("memory of Postgres, MB", &|minute| minute.postgres_mb);
    line("open files of the server", &|minute| minute.held.files as f64);
    line("threads of the server", &|minute| minute.held.threads as f64);
    line("connections to Postgres", &|minute| minute.backends as f64);
    line("connections of clients", &|minute| minute.clients as f64);
    line("events the slowest view is behind", &|minute| minute.lag as f64);
    line("tickets", &|minute| minute.tickets as f64);
    line("data folder, MB", &|minute| minute.folder_mb);
    line("load of the machine", &|minute| minute.machine_load);
    line("a fixed piece of work, ms of the processor", &|minute| minute.yardstick_ms);
}
