//! A peer is a program of its own: it reads one request per line and answers each with one line.

use std::io::{BufRead, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::{Load, Measured};

/// What the driver asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Make the tables, or find them made.
    Prepare,
    /// Run callers.
    Commands(Load),
    /// Count what is in the log.
    Count,
    /// Write a log of so many events.
    Fill { events: u64 },
    /// Fold the log into a read model, at most so long.
    CatchUp { seconds: f64 },
}

/// What the peer answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Done,
    Measured(Measured),
    Events(u64),
    CaughtUp(CaughtUp),
    /// The peer has no such thing.
    NotOffered,
}

/// How far a read model got.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CaughtUp {
    pub events: u64,
    pub seconds: f64,
}

/// A peer.
pub trait Peer {
    fn prepare(&mut self);
    fn commands(&mut self, load: Load) -> Measured;
    fn count(&mut self) -> u64;
    fn fill(&mut self, events: u64);
    fn catch_up(&mut self, at_most: Duration) -> Option<CaughtUp>;
}

/// Answers until the driver closes its end.
pub fn serve(mut peer: impl Peer) {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a request");
        let answer = match serde_json::from_str(&line).expect("a known request") {
            Request::Prepare => {
                peer.prepare();
                Answer::Done
            }
            Request::Commands(load) => Answer::Measured(peer.commands(load)),
            Request::Count => Answer::Events(peer.count()),
            Request::Fill { events } => {
                peer.fill(events);
                Answer::Done
            }
            Request::CatchUp { seconds } => peer
                .catch_up(Duration::from_secs_f64(seconds))
                .map_or(Answer::NotOffered, Answer::CaughtUp),
        };
        let mut out = std::io::stdout().lock();
        serde_json::to_writer(&mut out, &answer).expect("an answer");
        out.write_all(b"\n").expect("an answer");
        out.flush().expect("an answer");
    }
}

/// The database of the peer.
#[must_use]
pub fn database_url() -> String {
    std::env::var("DATABASE_URL").expect("DATABASE_URL")
}
