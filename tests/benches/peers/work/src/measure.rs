//! Callers: each opens ticket after ticket and sends the next command when the last one was acknowledged.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::{Command, story};

/// What a caller talks to.
pub trait Desk: Clone + Send + 'static {
    /// Carries out a command: loads the ticket, decides, appends one event, and returns when it is durable. Answers how often
    /// it had to begin again because the store refused the append.
    fn send(&mut self, ticket: Uuid, command: Command) -> impl Future<Output = u64> + Send;
}

/// How much is asked at once.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Load {
    pub callers: usize,
    pub seconds: f64,
    /// Connections of the peer.
    pub pool: u32,
}

/// What one measurement gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    pub commands: u64,
    pub seconds: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub retries: u64,
    /// Every event that was acknowledged, those before the clock started included.
    pub events: u64,
}

#[derive(Default)]
pub struct Calls {
    took: Vec<Duration>,
    retries: u64,
}

/// Starts a task on the runtime of the peer.
pub type Task = Pin<Box<dyn Future<Output = Calls> + Send>>;

/// One ticket per caller unmeasured, so that connections are open and statements prepared; then the clock runs.
pub async fn measure<H, E: Debug>(
    desk: &impl Desk,
    load: Load,
    spawn: impl Fn(Task) -> H,
) -> Measured
where
    H: Future<Output = Result<Calls, E>>,
{
    let warm = run(desk, load.callers, None, &spawn).await;
    let started = Instant::now();
    let until = started + Duration::from_secs_f64(load.seconds);
    let mut calls = run(desk, load.callers, Some(until), &spawn).await;
    let seconds = started.elapsed().as_secs_f64();
    calls.took.sort_unstable();
    let millis = |part: f64| {
        let index = (calls.took.len().saturating_sub(1) as f64 * part) as usize;
        calls.took.get(index).map_or(0.0, |took| took.as_secs_f64() * 1000.0)
    };
    Measured {
        commands: calls.took.len() as u64,
        seconds,
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
        retries: calls.retries,
        events: (warm.took.len() + calls.took.len()) as u64,
    }
}

async fn run<H, E: Debug>(
    desk: &impl Desk,
    callers: usize,
    until: Option<Instant>,
    spawn: &impl Fn(Task) -> H,
) -> Calls
where
    H: Future<Output = Result<Calls, E>>,
{
    let tasks: Vec<H> =
        (0..callers).map(|_| spawn(Box::pin(caller(desk.clone(), until)))).collect();
    let mut all = Calls::default();
    for task in tasks {
        let calls = task.await.expect("a caller");
        all.took.extend(calls.took);
        all.retries += calls.retries;
    }
    all
}

/// Ticket after ticket until an instant; without one, a single ticket.
pub async fn caller(mut desk: impl Desk, until: Option<Instant>) -> Calls {
    let mut calls = Calls::default();
    loop {
        let ticket = Uuid::now_v7();
        for command in story() {
            let sent = Instant::now();
            if until.is_some_and(|until| sent >= until) {
                return calls;
            }
            calls.retries += desk.send(ticket, command).await;
            calls.took.push(sent.elapsed());
        }
        if until.is_none() {
            return calls;
        }
    }
}
