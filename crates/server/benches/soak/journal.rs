//! What was asked and answered: how long it took, what failed, and what was acknowledged, to be found in the log again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use uuid::Uuid;

use crate::act::Kind;

/// So many failures are kept in words.
const WORDS_MAX: usize = 20;

/// A command that was accepted.
#[derive(Clone, Copy)]
pub struct Ack {
    pub command: Uuid,
    pub position: u64,
    /// Whether its last event stands at its position: saves of drafts are not each noted in the log.
    pub exact: bool,
}

/// How long the requests of each kind took, in microseconds.
pub type Took = BTreeMap<Kind, Vec<u32>>;

#[derive(Default)]
struct Inner {
    measuring: bool,
    minute: Took,
    all: Took,
    acks: Vec<Ack>,
    errors: u64,
    words: Vec<String>,
    repeats: u64,
    stale: u64,
}

/// Shared by everybody who asks.
#[derive(Default)]
pub struct Journal {
    inner: Mutex<Inner>,
}

impl Journal {
    /// From now on it counts how long requests take.
    pub fn begin(&self) {
        self.inner().measuring = true;
    }

    /// A request was answered as it should be.
    pub fn answered(&self, kind: Kind, took: Duration) {
        let mut inner = self.inner();
        if inner.measuring {
            let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            inner.minute.entry(kind).or_default().push(micros);
        }
    }

    pub fn acknowledged(&self, ack: Ack) {
        self.inner().acks.push(ack);
    }

    /// An accepted request was sent again and answered the same.
    pub fn repeated(&self) {
        self.inner().repeats += 1;
    }

    /// A view was behind what a reader had written.
    pub fn stale(&self) {
        self.inner().stale += 1;
    }

    pub fn failed(&self, what: &str) {
        let mut inner = self.inner();
        inner.errors += 1;
        if inner.words.len() < WORDS_MAX {
            eprintln!("failed: {what}");
            inner.words.push(what.to_owned());
        }
    }

    /// What took how long since it was last asked, sorted.
    pub fn minute(&self) -> Took {
        let mut inner = self.inner();
        let mut minute = std::mem::take(&mut inner.minute);
        for (kind, took) in &mut minute {
            took.sort_unstable();
            inner.all.entry(*kind).or_default().extend_from_slice(took);
        }
        minute
    }

    /// Everything, sorted.
    pub fn all(&self) -> Took {
        let mut all = self.inner().all.clone();
        all.values_mut().for_each(|took| took.sort_unstable());
        all
    }

    pub fn acks(&self) -> Vec<Ack> {
        self.inner().acks.clone()
    }

    /// How many requests failed, and the first of them in words.
    pub fn failures(&self) -> (u64, Vec<String>) {
        let inner = self.inner();
        (inner.errors, inner.words.clone())
    }

    /// How many requests were sent again, and how many reads were stale.
    pub fn repeats_and_stale(&self) -> (u64, u64) {
        let inner = self.inner();
        (inner.repeats, inner.stale)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

/// The place in a sorted list below which so much of it lies, in milliseconds.
pub fn part(sorted: &[u32], part: f64) -> f64 {
    let place = (sorted.len().saturating_sub(1) as f64 * part) as usize;
    sorted.get(place).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}
