//! Several writers at once, and how far they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use testkit::Client;
use tokio::task::JoinHandle;

use super::chance::Chance;
use super::writer::Writer;

/// How long the writers may take to get anywhere on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(2);

/// How far the writers are, for all to see.
#[derive(Default)]
pub struct Gauge {
    accepted: AtomicU64,
    away: AtomicU64,
    over: AtomicBool,
    may_break: AtomicBool,
}

impl Gauge {
    pub fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub fn away(&self) {
        self.away.fetch_add(1, Ordering::Relaxed);
    }

    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub fn may_break(&self) -> bool {
        self.may_break.load(Ordering::Relaxed)
    }

    /// Waits until so many more requests were acknowledged.
    pub async fn wait_for_accepted(&self, more: u64) {
        wait_for("acknowledgements", &self.accepted, more).await;
    }

    /// Waits until so many more requests were told to come again.
    pub async fn wait_for_away(&self, more: u64) {
        wait_for("answers 503", &self.away, more).await;
    }
}

async fn wait_for(what: &str, count: &AtomicU64, more: u64) {
    let (goal, deadline) = (count.load(Ordering::Relaxed) + more, Instant::now() + PATIENCE);
    while count.load(Ordering::Relaxed) < goal {
        let now = count.load(Ordering::Relaxed);
        assert!(Instant::now() < deadline, "{what}: {now} instead of {goal} after {PATIENCE:?}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writers at work.
pub struct Load {
    pub gauge: Arc<Gauge>,
    tasks: Vec<JoinHandle<Writer>>,
}

/// Writers that have not begun yet.
pub fn writers(count: usize, chance: &mut Chance) -> Vec<Writer> {
    (0..count).map(|number| Writer::new(format!("w{number}"), chance.branch())).collect()
}

impl Load {
    /// Lets the writers write.
    pub fn start(writers: Vec<Writer>, client: &Client) -> Self {
        let gauge = Arc::new(Gauge::default());
        let run = |writer: Writer| tokio::spawn(writer.run(client.clone(), Arc::clone(&gauge)));
        let tasks = writers.into_iter().map(run).collect();
        Self { gauge, tasks }
    }

    /// From now on connections may break: the server is about to go.
    pub fn may_break(&self) {
        self.gauge.may_break.store(true, Ordering::Relaxed);
    }

    /// Waits until every writer has noticed that the server is gone.
    pub async fn broken(self) -> Vec<Writer> {
        let mut writers = Vec::new();
        for task in self.tasks {
            writers.push(task.await.unwrap());
        }
        writers
    }

    /// Stops the writers after the requests they have just sent.
    pub async fn stop(self) -> Vec<Writer> {
        self.gauge.over.store(true, Ordering::Relaxed);
        self.broken().await
    }
}
