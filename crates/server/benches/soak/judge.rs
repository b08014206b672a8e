//! What has to hold at the end.

use std::time::Duration;

use crate::journal::Journal;

/// Memory may grow by so much over the last two thirds, or by so large a part of what there is: allocators are not exact.
const GROWTH_MAX_MB: f64 = 8.0;
const GROWTH_PART_MAX: f64 = 0.05;
/// A program that has just begun fills its caches and pools: of less than this nobody can tell.
const MEMORY_MINUTES_MIN: f64 = 10.0;
const LATENCY_MINUTES_MIN: usize = 3;
/// The worst percent may take so many times as long in the last third as in the first, and so much longer in milliseconds.
const SLOWER_MAX: f64 = 1.5;
const SLOWER_MAX_MS: f64 = 5.0;
/// So many more of what is held, of pools that breathe.
const MORE_MAX: f64 = 16.0;

/// Memory at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    pub minute: f64,
    pub resident_mb: f64,
    /// The cache of states, which is bounded, and the index behind counts, which grows with the tickets.
    pub by_design_mb: f64,
}

struct Verdict {
    what: String,
    /// None where there was too little to judge.
    holds: Option<bool>,
    seen: String,
}

/// Everything that was judged.
#[derive(Default)]
pub struct Verdicts {
    all: Vec<Verdict>,
}

impl Verdicts {
    pub fn add(&mut self, what: &str, holds: bool, seen: impl Into<String>) {
        self.judged(what, Some(holds), seen.into());
    }

    fn judged(&mut self, what: &str, holds: Option<bool>, seen: String) {
        self.all.push(Verdict { what: what.to_owned(), holds, seen });
    }

    pub fn views(&mut self, caught_up: Result<Duration, String>) {
        let holds = caught_up.is_ok();
        let seen = caught_up.map_or_else(|why| why, |took| format!("{:.1} s", took.as_secs_f64()));
        self.add("views catch up, nothing is quarantined", holds, seen);
    }

    /// Prints them all; whether all of them hold.
    pub fn print(mut self, journal: &Journal) -> bool {
        let (errors, words) = journal.failures();
        let (repeats, _) = journal.repeats_and_stale();
        let seen = format!("{errors}; {repeats} repeats answered the same");
        self.add("no error", errors == 0, seen);
        println!("\n| judgement | holds | seen |\n|---|---|---|");
        for verdict in &self.all {
            let holds = match verdict.holds {
                Some(true) => "yes",
                Some(false) => "**no**",
                None => "too short to judge",
            };
            println!("| {} | {holds} | {} |", verdict.what, verdict.seen);
        }
        for word in words {
            println!("\nfailed: {word}");
        }
        self.all.iter().all(|verdict| verdict.holds != Some(false))
    }
}

/// The slope over the last two thirds (the median of the slopes between all pairs, which single peaks do not move).
pub fn memory(verdicts: &mut Verdicts, looks: &[Memory]) {
    let last = &looks[looks.len() / 3..];
    let (Some(first), Some(end)) = (last.first(), last.last()) else {
        return verdicts.add("memory is flat", false, "never looked at");
    };
    let apart = |look: &Memory| look.resident_mb - look.by_design_mb;
    let mut slopes = Vec::new();
    for (index, one) in last.iter().enumerate() {
        for other in &last[index + 1..] {
            slopes.push((apart(other) - apart(one)) / (other.minute - one.minute));
        }
    }
    let slope = median(slopes);
    let growth = slope * (end.minute - first.minute);
    let usual = median(last.iter().map(apart).collect());
    let allowed = GROWTH_MAX_MB.max(usual * GROWTH_PART_MAX);
    let most = looks.iter().map(|look| look.resident_mb).fold(0.0, f64::max);
    let seen = format!(
        "{growth:+.1} MB over the last {:.1} min beside the cache and index ({allowed:.1} allowed); resident {:.0} MB at the end, of them {:.0} by design, {most:.0} at most",
        end.minute - first.minute,
        end.resident_mb,
        end.by_design_mb,
    );
    let holds = (end.minute >= MEMORY_MINUTES_MIN).then_some(growth <= allowed);
    verdicts.judged("memory is flat", holds, seen);
}

/// The median of the first third of the minutes against that of the last.
pub fn latency(verdicts: &mut Verdicts, what: &str, p99s: &[f64]) {
    let (first, last) = thirds(p99s);
    let (first, last) = (median(first.to_vec()), median(last.to_vec()));
    let holds = last <= first * SLOWER_MAX || last <= first + SLOWER_MAX_MS;
    let holds = (p99s.len() >= LATENCY_MINUTES_MIN).then_some(holds);
    let seen = format!("p99 {first:.1} ms, then {last:.1} ms");
    verdicts.judged(&format!("{what} is flat"), holds, seen);
}

/// Something held does not become more and more.
pub fn held(verdicts: &mut Verdicts, what: &str, counts: &[f64]) {
    let (first, last) = thirds(counts);
    let most = |counts: &[f64]| counts.iter().copied().fold(0.0, f64::max);
    let (first, last) = (most(first), most(last));
    let seen = format!("at most {first:.0}, then {last:.0}");
    verdicts.add(&format!("{what} do not become more"), last <= first + MORE_MAX, seen);
}

fn thirds(values: &[f64]) -> (&[f64], &[f64]) {
    let third = (values.len() / 3).max(1).min(values.len());
    (&values[..third], &values[values.len() - third..])
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
