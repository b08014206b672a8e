//! The task that appends for one workspace: decides what has queued while the batch before is on its way to the database.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use decider::{AnyState, StoredEvent, Timestamp, WorkspaceId};
use sqlx::PgConnection;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::cache::Cache;
use super::decide::{self, Base, OwnFacts, Refusal, Round, Step};
use super::desk::{Overlay, Reads};
use super::error::{Broken, HandleError, chain};
use super::fetch::{Errand, Errands, Parked};
use super::shipment::{Landed, Shipment};
use super::{Job, Shared};
use crate::log::{Appended, Head, LogError};

/// How many commands one batch holds at most.
const BATCH_COMMANDS_MAX: usize = 512;
/// How many bytes of payload a batch holds before no further command is added.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How often one decision may fetch what it lacks.
const PASSES_MAX: u8 = 64;
/// How often a command may be put back for whatever reason before it is given up.
const ROUNDS_MAX: u8 = 64;
/// How often an idle appender looks for what other nodes wrote.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// A job that is not decided yet, and what it has fetched so far.
pub(super) struct Waiting {
    pub job: Job,
    pub fetched: OwnFacts,
    passes: u8,
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
}

/// A batch in the making, with the jobs it answers.
pub(super) struct Next {
    pub round: Round,
    pub decided: Vec<Decided>,
    pub refused: Vec<Refused>,
}

/// A batch on its way to the database.
struct InFlight {
    sending: JoinHandle<Landed>,
    overlay: Arc<Overlay>,
    decided: Vec<Decided>,
    refused: Vec<Refused>,
    numbers: u32,
    closed: bool,
}

/// The appender of one workspace.
pub(super) struct Appender {
    pub shared: Arc<Shared>,
    pub ws: WorkspaceId,
    pub head: Head,
    pub cache: Cache,
    directory: AnyState,
    publish: watch::Sender<AnyState>,
    connection: Option<PgConnection>,
    loaded: bool,
    pub waiting: VecDeque<Waiting>,
    parked: Vec<Parked>,
    fetching: Option<JoinHandle<Errands>>,
    next: Next,
    in_flight: Option<InFlight>,
    /// How many commands the next batch may hold: one while a batch that the database refused is sent again singly.
    limit: usize,
}

/// Starts the appender of a workspace; it ends when nobody can send it commands any more.
pub(super) fn spawn(
    shared: Arc<Shared>,
    ws: WorkspaceId,
    jobs: mpsc::Receiver<Job>,
    publish: watch::Sender<AnyState>,
) {
    let appender = Appender {
        head: Head::EMPTY,
        cache: Cache::new(shared.settings.cache_bytes_max),
        directory: (shared.directory_type.initial)(),
        shared,
        ws,
        publish,
        connection: None,
        loaded: false,
        waiting: VecDeque::new(),
        parked: Vec::new(),
        fetching: None,
        next: Next::new(),
        in_flight: None,
        limit: BATCH_COMMANDS_MAX,
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
            let (sending, fetching) = (self.in_flight.is_some(), self.fetching.is_some());
            if !sending && !fetching && self.is_busy() {
                continue;
            }
            let room = self.waiting.len() + self.parked.len() < BATCH_COMMANDS_MAX;
            tokio::select! {
                biased;
                landed = land(self.in_flight.as_mut().map(|batch| &mut batch.sending)), if sending => {
                    if let Err(error) = self.landed(landed).await {
                        self.give_up(&error);
                    }
                }
                fetched = land(self.fetching.as_mut()), if fetching => {
                    self.fetching = None;
                    self.fetched(fetched);
                }
                job = jobs.recv(), if open && room => match job {
                    Some(first) => self.take_queued(first, &mut jobs),
                    None => open = false,
                },
                _ = poll.tick(), if !sending && !fetching => {
                    if let Err(error) = self.catch_up().await && !error.is_unavailable() {
                        let error = chain(&error);
                        tracing::error!(workspace = %self.ws.0, error, "the log cannot be followed");
                    }
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        self.in_flight.is_some()
            || self.fetching.is_some()
            || !self.waiting.is_empty()
            || !self.parked.is_empty()
            || !self.next.is_empty()
    }

    fn fetched(&mut self, fetched: Option<Errands>) {
        // A fetching task that died took its jobs along: their clients are told that the program did not answer.
        let Some((fetched, jobs)) = fetched else { return };
        self.put_back(jobs);
        if let Err(error) = fetched.and_then(|fetched| self.take_in(fetched)) {
            self.give_up(&error);
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
    }

    /// Decides what waits, as far as it can be decided now, and sends the next batch if none is on its way. What is decided
    /// while a batch is on its way counts on that batch: should it fail, it is decided again.
    async fn advance(&mut self) -> Result<(), LogError> {
        if self.waiting.is_empty() && self.parked.is_empty() && self.next.is_empty() {
            return Ok(());
        }
        if !self.loaded {
            self.catch_up().await?;
        }
        if !self.in_flight.as_ref().is_some_and(|batch| batch.closed) {
            self.decide_waiting();
        }
        if self.fetching.is_none() && !self.parked.is_empty() {
            let jobs = std::mem::take(&mut self.parked);
            let errand = Errand::new(self, jobs);
            self.fetching = Some(tokio::spawn(errand.run()));
        }
        if self.in_flight.is_none() && !self.next.is_empty() {
            self.launch().await?;
        }
        Ok(())
    }

    async fn launch(&mut self) -> Result<(), LogError> {
        let Next { mut round, decided, refused } = std::mem::replace(&mut self.next, Next::new());
        if round.batch.is_empty() {
            let again = self.prove(refused).await?;
            self.put_back(again);
            return Ok(());
        }
        metrics::histogram!("ledgerdesk_append_batch_events").record(round.batch.len() as f64);
        metrics::histogram!("ledgerdesk_append_batch_commands").record(decided.len() as f64);
        let overlay = Arc::new(std::mem::take(&mut round.overlay));
        let (numbers, closed) = (round.numbers, round.closed);
        let shipment = Shipment {
            shared: Arc::clone(&self.shared),
            ws: self.ws,
            head: self.head,
            connection: self.connection.take(),
        };
        let sending = tokio::spawn(shipment.send(round));
        self.in_flight = Some(InFlight { sending, overlay, decided, refused, numbers, closed });
        Ok(())
    }

    /// The batch on its way has its answer.
    async fn landed(&mut self, landed: Option<Landed>) -> Result<(), LogError> {
        let Some(InFlight { overlay, decided, refused, .. }) = self.in_flight.take() else {
            return Ok(());
        };
        let Some(Landed { connection, outcome, round }) = landed else {
            // The sending task died: the outcome is open, and the clients must ask again.
            self.put_back(decided.into_iter().map(|decided| decided.waiting));
            return Err(LogError::Database(sqlx::Error::WorkerCrashed));
        };
        self.connection = connection;
        match outcome {
            Ok(Appended::Written(head)) => {
                if let Err(broken) = self.written(head, (round, &overlay), decided) {
                    tracing::error!(workspace = %self.ws.0, error = chain(&broken), "the directory cannot be read");
                    self.loaded = false;
                }
                let again = self.prove(refused).await?;
                self.put_back(again);
                self.settle();
                Ok(())
            }
            failed => {
                // Whatever was decided on top of it must be decided again.
                self.take_apart_next();
                self.put_back(refused.into_iter().map(|refused| refused.waiting));
                self.failed(failed, round, decided).await
            }
        }
    }

    async fn failed(
        &mut self,
        outcome: Result<Appended, LogError>,
        round: Round,
        decided: Vec<Decided>,
    ) -> Result<(), LogError> {
        match outcome {
            Ok(Appended::Refused(problems)) => {
                let again = self.refused(problems, round, decided).await?;
                self.put_back(again);
                Ok(())
            }
            Err(error) => {
                let many = decided.len() > 1;
                let alone =
                    error.is_unavailable() || matches!(error, LogError::WorkspaceClosed) || !many;
                self.put_back(decided.into_iter().map(|decided| decided.waiting));
                if alone {
                    return Err(error);
                }
                // One command that the database refuses must not fail the others: from here on one by one.
                tracing::error!(workspace = %self.ws.0, error = chain(&error), "a batch was refused; sending its commands singly");
                self.limit = 1;
                Ok(())
            }
            Ok(Appended::Stale(_) | Appended::Written(_)) => {
                self.put_back(decided.into_iter().map(|decided| decided.waiting));
                self.catch_up().await
            }
        }
    }

    fn settle(&mut self) {
        if self.waiting.is_empty() {
            self.limit = BATCH_COMMANDS_MAX;
        }
        self.cache.shrink();
        metrics::gauge!("ledgerdesk_state_cache_bytes").set(self.cache.bytes() as f64);
    }

    /// Nothing that waits can be handled now: everybody is told, and nothing remembered is trusted.
    fn give_up(&mut self, error: &LogError) {
        let unavailable = error.is_unavailable();
        if !unavailable {
            tracing::error!(workspace = %self.ws.0, error = chain(error), "a batch failed");
        }
        self.take_apart_next();
        if self.in_flight.is_none() {
            self.cache.clear();
            self.loaded = false;
            self.connection = None;
        }
        let closed = matches!(error, LogError::WorkspaceClosed);
        let parked = self.parked.drain(..).map(|parked| parked.waiting);
        for waiting in self.waiting.drain(..).chain(parked) {
            waiting.job.answer(Err(match (unavailable, closed) {
                (true, _) => HandleError::Unavailable,
                (false, true) => HandleError::WorkspaceClosed,
                (false, false) => HandleError::Failed(Broken::Append),
            }));
        }
        self.limit = BATCH_COMMANDS_MAX;
    }

    fn take_apart_next(&mut self) {
        let Next { decided, refused, .. } = std::mem::replace(&mut self.next, Next::new());
        self.put_back(refused.into_iter().map(|refused| refused.waiting));
        self.put_back(decided.into_iter().map(|decided| decided.waiting));
    }

    /// In front of the queue: what was sent first is decided first.
    fn put_back(&mut self, jobs: impl IntoIterator<Item = Waiting>) {
        let mut back = VecDeque::new();
        for mut waiting in jobs {
            waiting.fetched.tail = None;
            waiting.job.rounds = waiting.job.rounds.saturating_add(1);
            if waiting.job.rounds > ROUNDS_MAX {
                waiting.job.answer(Err(HandleError::Contended));
            } else {
                back.push_back(waiting);
            }
        }
        back.append(&mut self.waiting);
        self.waiting = back;
    }

    fn decide_waiting(&mut self) {
        let now = wall_clock();
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.job.reply.is_closed() {
                continue; // nobody waits for the answer any more
            }
            if !self.next.has_room(self.limit) || self.must_wait(&waiting.job) {
                self.waiting.push_back(waiting);
            } else if let Some(parked) = self.decide_one(waiting, now) {
                self.parked.push(parked);
            }
        }
    }

    /// A second command under one id waits for the answer to the first; a stale expected version is judged once what it
    /// may depend on is in the log.
    fn must_wait(&self, job: &Job) -> bool {
        let same = |decided: &Decided| decided.waiting.job.request.id == job.request.id;
        let in_flight = self.in_flight.as_ref();
        self.next.decided.iter().any(same)
            || in_flight.is_some_and(|batch| {
                batch.decided.iter().any(same)
                    || job
                        .request
                        .expected
                        .is_some_and(|(stream, _)| batch.overlay.states.contains_key(&stream.id))
            })
    }

    /// Decides one job; gives it back with what it lacks when it cannot be decided yet.
    fn decide_one(&mut self, mut waiting: Waiting, now: Timestamp) -> Option<Parked> {
        let before = self.in_flight.as_ref().map(|batch| (batch.overlay.as_ref(), batch.numbers));
        let base = Base {
            shared: &self.shared,
            ws: self.ws,
            number: self.head.number + before.map_or(0, |(_, numbers)| u64::from(numbers)),
            below: before.map(|(overlay, _)| overlay),
            directory: &self.directory,
            now,
        };
        let Next { round, decided, refused } = &mut self.next;
        let first = round.batch.len();
        match decide::decide(&base, &mut self.cache, round, &waiting.job, &waiting.fetched) {
            Step::Decided(reads) => {
                decided.push(Decided { waiting, reads, first, count: round.batch.len() - first });
            }
            Step::Refused(refusal, reads) => refused.push(Refused { waiting, refusal, reads }),
            Step::Broken(broken) => give_up_on(waiting, self.ws, broken),
            Step::Needs(needs) => {
                waiting.passes = waiting.passes.saturating_add(1);
                if waiting.passes > PASSES_MAX {
                    let name = waiting.job.request.command.name();
                    give_up_on(waiting, self.ws, Broken::Endless(name));
                    return None;
                }
                return Some(Parked { waiting, needs: *needs });
            }
        }
        None
    }

    /// Takes in what other nodes wrote: the head, and the directory.
    pub(super) async fn catch_up(&mut self) -> Result<(), LogError> {
        let head = self.shared.reader.head(self.ws).await?;
        if !self.loaded || head.directory > self.head.directory {
            let seen = if self.loaded { self.head.directory } else { decider::LogPosition(0) };
            if !self.loaded {
                self.directory = (self.shared.directory_type.initial)();
            }
            let kinds = &self.shared.directory_kinds;
            let newer = self.shared.reader.directory_after(self.ws, seen, kinds).await?;
            // Events newer than the head just read come again with the next catch-up; folding must not see them twice.
            let newer: Vec<StoredEvent> =
                newer.into_iter().filter(|event| event.position <= head.directory).collect();
            self.fold_directory(&newer).map_err(|broken| match broken {
                Broken::Log(error) => error,
                _ => LogError::WorkspaceClosed,
            })?;
            self.loaded = true;
        }
        self.shared.recent.heard_of(self.ws, head.position);
        self.head = head;
        Ok(())
    }

    pub(super) fn fold_directory(&mut self, events: &[StoredEvent]) -> Result<(), Broken> {
        self.directory =
            (self.shared.directory_type.fold)(&self.directory, events).map_err(LogError::from)?;
        self.publish.send_replace(AnyState::clone(&self.directory));
        Ok(())
    }
}

impl Next {
    fn new() -> Self {
        Self { round: Round::new(), decided: Vec::new(), refused: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.decided.is_empty() && self.refused.is_empty()
    }

    fn has_room(&self, limit: usize) -> bool {
        self.decided.len() < limit && self.round.bytes < BATCH_BYTES_MAX && !self.round.closed
    }
}

async fn land<T>(task: Option<&mut JoinHandle<T>>) -> Option<T> {
    match task {
        Some(task) => task.await.ok(),
        None => None,
    }
}

fn give_up_on(waiting: Waiting, ws: WorkspaceId, broken: Broken) {
    let command = waiting.job.request.command.name();
    tracing::error!(workspace = %ws.0, command, error = chain(&broken), "a command could not be decided");
    waiting.job.answer(Err(broken.into()));
}

fn wall_clock() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
