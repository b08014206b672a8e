//! The task that appends for one workspace: decides what has queued while the batches before are on their way to the database.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use decider::{AnyState, LogPosition, WorkspaceId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use super::cache::Cache;
use super::decide::{OwnFacts, Refusal, Round};
use super::desk::{Overlay, Reads};
use super::error::{Broken, chain};
use super::fetch::{Errand, Errands, Parked};
use super::lanes::{LANES, Lanes};
use super::shipment::{Landed, Shipment};
use super::{Job, Shared};
use crate::log::{Base, Follower, Head, LogError};

/// How many commands one batch holds at most.
pub(super) const BATCH_COMMANDS_MAX: usize = 512;
/// How many bytes of payload a batch holds before no further command is added.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How often an idle appender looks for what other nodes wrote.
const POLL_EVERY: Duration = Duration::from_secs(1);
/// After how many idle polls the connections and the memory are given back.
const IDLE_POLLS_MAX: u32 = 60;

/// A job that is not decided yet, and what it has fetched so far.
pub(super) struct Waiting {
    pub job: Job,
    pub fetched: OwnFacts,
    pub passes: u8,
}

/// A job whose events are in the batch.
pub(super) struct Decided {
    pub waiting: Waiting,
    pub reads: Reads,
    pub first: usize,
    pub count: usize,
}

/// A job that a rule refuses, if what it read still holds.
pub(super) struct Refused {
    pub waiting: Waiting,
    pub refusal: Refusal,
    pub reads: Reads,
    /// The directory it was decided under.
    pub directory: LogPosition,
}

/// What decisions take as given beside streams and claims. The append proves exactly this, whatever was heard since.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Grounds {
    /// The newest ticket number before the batch.
    pub number: u64,
    /// The newest directory event folded.
    pub directory: LogPosition,
}

/// A batch in the making, with the jobs it answers.
pub(super) struct Next {
    pub round: Round,
    pub grounds: Grounds,
    pub decided: Vec<Decided>,
    pub refused: Vec<Refused>,
}

/// A batch on its way to the database.
pub(super) struct InFlight {
    pub sending: JoinHandle<Landed>,
    pub overlay: Arc<Overlay>,
    /// Digest of its commands and natural keys.
    pub content: [u8; 32],
    pub decided: Vec<Decided>,
    pub refused: Vec<Refused>,
    pub numbers: u32,
    pub closed: bool,
}

/// The appender of one workspace.
pub(super) struct Appender {
    pub shared: Arc<Shared>,
    pub ws: WorkspaceId,
    pub head: Head,
    pub cache: Cache,
    pub directory: AnyState,
    pub publish: watch::Sender<AnyState>,
    /// What it is called in the log: another name after every append whose outcome is open, so that what may still come of
    /// that is never taken for a batch of now.
    pub node: Uuid,
    pub seen: watch::Sender<LogPosition>,
    pub lanes: Lanes,
    /// Whether the directory has been read up to the head.
    pub loaded: bool,
    /// Whether the head may be behind what this node itself wrote, after an append whose outcome is open.
    pub in_doubt: bool,
    pub waiting: VecDeque<Waiting>,
    pub parked: Vec<Parked>,
    pub next: Next,
    /// The batches on their way, the oldest first.
    pub in_flight: VecDeque<InFlight>,
    /// How many batches are sent with one command each, after the database refused one with many.
    pub singly: usize,
    /// The workspace, as metrics name it.
    pub labels: [(&'static str, String); 1],
    fetching: Option<JoinHandle<Errands>>,
    heard: Follower,
    idle_polls: u32,
}

/// Starts the appender of a workspace; it ends when nobody can send it commands any more.
pub(super) fn spawn(
    shared: Arc<Shared>,
    ws: WorkspaceId,
    jobs: mpsc::Receiver<Job>,
    (publish, seen): (watch::Sender<AnyState>, watch::Sender<LogPosition>),
) {
    let lanes = Lanes::new(Arc::clone(&shared));
    let node = shared.settings.node;
    let appender = Appender {
        head: Head::EMPTY,
        cache: Cache::new(shared.settings.cache_bytes_max),
        directory: (shared.directory_type.initial)(),
        heard: shared.recent.follow(ws),
        shared,
        ws,
        publish,
        node,
        seen,
        lanes,
        loaded: false,
        in_doubt: false,
        waiting: VecDeque::new(),
        parked: Vec::new(),
        next: Next::new(),
        in_flight: VecDeque::new(),
        singly: 0,
        labels: [("ws", ws.0.to_string())],
        fetching: None,
        idle_polls: 0,
    };
    tokio::spawn(appender.run(jobs));
}

impl Appender {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut poll = tokio::time::interval(POLL_EVERY);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = true;
        while open || self.is_busy() {
            if let Err(error) = self.advance().await {
                self.give_up(&error);
                continue;
            }
            let (sending, fetching) = (!self.in_flight.is_empty(), self.fetching.is_some());
            let idle = !sending && !fetching;
            if idle && self.is_busy() {
                continue;
            }
            if idle {
                metrics::gauge!("ledgerdesk_commands_waiting", &self.labels).set(0.0);
            }
            let room = self.waiting.len() + self.parked.len() < BATCH_COMMANDS_MAX;
            tokio::select! {
                biased;
                landed = land(self.in_flight.front_mut().map(|batch| &mut batch.sending)), if sending => {
                    if let Err(error) = self.landed(landed).await {
                        self.give_up(&error);
                    }
                }
                fetched = land(self.fetching.as_mut()), if fetching => {
                    self.fetching = None;
                    if let Err(error) = self.fetched(fetched) {
                        self.give_up(&error);
                    }
                }
                () = self.lanes.opened(), if self.lanes.is_opening() => {}
                job = jobs.recv(), if open && room => match job {
                    Some(first) => self.take_queued(first, &mut jobs),
                    None => open = false,
                },
                // Another node wrote: its changes to the directory must not wait for the poll.
                _ = self.heard.changed(), if idle => {
                    if *self.heard.borrow_and_update() > self.head.position {
                        self.look_around().await;
                    }
                }
                _ = poll.tick(), if idle => {
                    self.rest();
                    self.look_around().await;
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        !self.in_flight.is_empty()
            || self.fetching.is_some()
            || !self.waiting.is_empty()
            || !self.parked.is_empty()
            || !self.next.is_empty()
    }

    /// With nothing to do: what have other nodes written?
    async fn look_around(&mut self) {
        if let Err(error) = self.catch_up().await
            && !error.is_unavailable()
            && !matches!(error, Broken::Log(LogError::Rewound { .. }))
        {
            let error = chain(&error);
            tracing::error!(workspace = %self.ws.0, error, "the log cannot be followed");
        }
    }

    /// A workspace in which nothing happens keeps no connection and no states.
    fn rest(&mut self) {
        self.idle_polls = self.idle_polls.saturating_add(1);
        if self.idle_polls > IDLE_POLLS_MAX {
            self.lanes.close();
            self.cache.clear();
        }
    }

    fn take_queued(&mut self, first: Job, jobs: &mut mpsc::Receiver<Job>) {
        let waiting = |job| Waiting { job, fetched: OwnFacts::default(), passes: 0 };
        self.waiting.push_back(waiting(first));
        while self.waiting.len() < BATCH_COMMANDS_MAX
            && let Ok(job) = jobs.try_recv()
        {
            self.waiting.push_back(waiting(job));
        }
        let queued = self.waiting.len() + self.parked.len() + jobs.len();
        metrics::gauge!("ledgerdesk_commands_waiting", &self.labels).set(queued as f64);
    }

    /// Decides what waits, as far as it can be decided now, and sends the next batch if there is a way. What is decided
    /// while batches are on their way counts on them: should one fail, it is decided again.
    async fn advance(&mut self) -> Result<(), Broken> {
        if self.waiting.is_empty() && self.parked.is_empty() && self.next.is_empty() {
            return Ok(());
        }
        self.continues()?;
        if !self.loaded || self.in_doubt {
            if !self.in_flight.is_empty() {
                return Ok(()); // the head is known only once they have landed
            }
            self.catch_up().await?;
        }
        if !self.in_flight.iter().any(|batch| batch.closed) {
            self.decide_waiting();
        }
        self.cache.shrink(self.fetching.is_some() || !self.parked.is_empty());
        if self.fetching.is_none() && !self.parked.is_empty() {
            let jobs = std::mem::take(&mut self.parked);
            let errand = Errand::new(self, jobs);
            self.fetching = Some(tokio::spawn(errand.run()));
        }
        if !self.next.is_empty() && self.may_launch() {
            self.launch().await?;
        }
        Ok(())
    }

    /// A batch follows another only when it is as large: what comes meanwhile makes batches, not a queue of small ones.
    fn may_launch(&mut self) -> bool {
        let Some(before) = self.in_flight.back() else { return true };
        if self.in_flight.len() == LANES || self.next.decided.len() < before.decided.len() {
            return false;
        }
        if !self.lanes.is_free() {
            self.lanes.open_another();
        }
        self.lanes.is_free() && self.singly == 0
    }

    async fn launch(&mut self) -> Result<(), Broken> {
        self.idle_polls = 0;
        let Next { mut round, grounds, decided, refused } =
            std::mem::replace(&mut self.next, Next::new());
        if round.batch.is_empty() {
            return self.prove(refused).await;
        }
        metrics::histogram!("ledgerdesk_append_batch_events").record(round.batch.len() as f64);
        metrics::histogram!("ledgerdesk_append_batch_commands").record(decided.len() as f64);
        let overlay = Arc::new(std::mem::take(&mut round.overlay));
        let (numbers, closed, content) = (round.numbers, round.closed, round.batch.content());
        let shipment = Shipment {
            shared: Arc::clone(&self.shared),
            ws: self.ws,
            node: self.node,
            base: Base {
                head: Head { number: grounds.number, directory: grounds.directory, ..self.head },
                behind: self
                    .in_flight
                    .back()
                    .map(|last| (self.in_flight.len() as u64, last.content)),
                sure: round.sure,
            },
            lane: self.lanes.take(),
        };
        let sending = tokio::spawn(shipment.send(round));
        self.in_flight.push_back(InFlight {
            sending,
            overlay,
            content,
            decided,
            refused,
            numbers,
            closed,
        });
        Ok(())
    }
}

impl Next {
    pub fn new() -> Self {
        Self {
            round: Round::new(),
            grounds: Grounds::default(),
            decided: Vec::new(),
            refused: Vec::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.decided.is_empty() && self.refused.is_empty()
    }

    /// Refusals take room too: they wait for their proof behind the batch on its way.
    pub fn has_room(&self, limit: usize) -> bool {
        self.decided.len() < limit
            && self.decided.len() + self.refused.len() < BATCH_COMMANDS_MAX
            && self.round.bytes < BATCH_BYTES_MAX
            && !self.round.closed
    }
}

async fn land<T>(task: Option<&mut JoinHandle<T>>) -> Option<T> {
    match task {
        Some(task) => task.await.ok(),
        None => None,
    }
}
