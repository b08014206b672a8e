//! The task that appends for one workspace: takes what has queued, decides it, writes it, answers; one batch in flight.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use decider::{AnyState, StoredEvent, Timestamp, WorkspaceId};
use sqlx::{Connection, PgConnection};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::cache::Cache;
use super::decide::{self, Base, Fetched, Needs, Refusal, Round, Step};
use super::desk::Reads;
use super::error::{Broken, HandleError};
use super::{Job, Shared};
use crate::log::{Appended, Head, LogError, append};

/// How many commands one batch holds at most.
const BATCH_COMMANDS_MAX: usize = 512;
/// How many bytes of payload a batch holds before no further command is added.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// How often one batch may fetch what its decisions lack.
const PASSES_MAX: usize = 32;
/// How often a batch may find its base stale or its statement refused before it is given up.
const ROUNDS_MAX: usize = 64;
/// How long a batch is sent again while the database is away.
const RESEND_FOR: Duration = Duration::from_secs(2);
/// How long one append may take before its connection is given up.
const APPEND_WITHIN: Duration = Duration::from_secs(8);
/// How often an idle appender looks for what other nodes wrote.
const POLL_EVERY: Duration = Duration::from_secs(1);

/// A job that is not decided yet, and what it has fetched so far.
pub(super) struct Waiting {
    pub job: Job,
    pub fetched: Fetched,
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

/// The appender of one workspace.
pub(super) struct Appender {
    pub shared: Arc<Shared>,
    pub ws: WorkspaceId,
    pub head: Head,
    pub cache: Cache,
    directory: AnyState,
    publish: watch::Sender<AnyState>,
    /// Its own: a pool that closes must not wait for it.
    connection: Option<PgConnection>,
    loaded: bool,
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
    };
    tokio::spawn(appender.run(jobs));
}

impl Appender {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut poll = tokio::time::interval(POLL_EVERY);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                job = jobs.recv() => match job {
                    Some(first) => {
                        let batch = take_queued(first, &mut jobs);
                        self.process(batch).await;
                    }
                    None => return,
                },
                _ = poll.tick() => {
                    if let Err(error) = self.catch_up().await
                        && !error.is_unavailable() {
                            tracing::error!(workspace = %self.ws.0, error = chain(&error), "the log cannot be followed");
                    }
                }
            }
        }
    }

    async fn process(&mut self, batch: VecDeque<Waiting>) {
        let mut queue = batch;
        let mut limit = BATCH_COMMANDS_MAX;
        for _ in 0..ROUNDS_MAX {
            if queue.is_empty() {
                break;
            }
            if let Err(error) = self.round(&mut queue, &mut limit).await {
                self.connection = None;
                self.cache.clear();
                self.loaded = false;
                if !error.is_unavailable() {
                    tracing::error!(workspace = %self.ws.0, error = chain(&error), "a batch failed");
                }
                let unavailable = error.is_unavailable();
                for waiting in queue.drain(..) {
                    waiting.job.answer(Err(if unavailable {
                        HandleError::Unavailable
                    } else {
                        HandleError::Failed(Broken::Append)
                    }));
                }
            }
        }
        for waiting in queue {
            waiting.job.answer(Err(HandleError::Contended));
        }
        self.cache.shrink();
        metrics::gauge!("ledgerdesk_state_cache_bytes").set(self.cache.bytes() as f64);
    }

    /// Decides what waits and appends it. Jobs that must be decided again are back in the queue afterwards. On an error all
    /// jobs are.
    async fn round(
        &mut self,
        queue: &mut VecDeque<Waiting>,
        limit: &mut usize,
    ) -> Result<(), LogError> {
        if !self.loaded {
            self.catch_up().await?;
        }
        let mut round = Round::new();
        let (mut decided, mut refused) = (Vec::new(), Vec::new());
        self.decide_all(queue, (&mut round, &mut decided, &mut refused), *limit).await?;
        if !round.batch.is_empty() {
            metrics::histogram!("ledgerdesk_append_batch_events").record(round.batch.len() as f64);
            metrics::histogram!("ledgerdesk_append_batch_commands").record(decided.len() as f64);
            match self.send(&mut round).await {
                Ok(Appended::Written(head)) => {
                    if let Err(broken) = self.written(head, round, decided) {
                        tracing::error!(workspace = %self.ws.0, error = chain(&broken), "the directory cannot be read");
                        self.loaded = false;
                    }
                }
                Ok(Appended::Stale(_)) => {
                    put_back(queue, decided.into_iter().map(|decided| decided.waiting));
                    put_back(queue, refused.drain(..).map(|refused| refused.waiting));
                    return self.catch_up().await;
                }
                Ok(Appended::Refused(problems)) => {
                    let again = self.refused(problems, round, decided).await?;
                    put_back(queue, again);
                    put_back(queue, refused.drain(..).map(|refused| refused.waiting));
                    return Ok(());
                }
                Err(error) => {
                    let many = decided.len() > 1;
                    let expected =
                        error.is_unavailable() || matches!(error, LogError::WorkspaceClosed);
                    put_back(queue, refused.drain(..).map(|refused| refused.waiting));
                    if expected || !many {
                        put_back(queue, decided.into_iter().map(|decided| decided.waiting));
                        return Err(error);
                    }
                    // One command that the database refuses must not fail the others: from here on one by one.
                    tracing::error!(workspace = %self.ws.0, error = chain(&error), "a batch was refused; sending its commands singly");
                    *limit = 1;
                    put_back(queue, decided.into_iter().map(|decided| decided.waiting));
                    return Ok(());
                }
            }
        }
        let again = self.prove(refused).await?;
        put_back(queue, again);
        Ok(())
    }

    async fn decide_all(
        &mut self,
        queue: &mut VecDeque<Waiting>,
        (round, decided, refused): (&mut Round, &mut Vec<Decided>, &mut Vec<Refused>),
        limit: usize,
    ) -> Result<(), LogError> {
        let now = wall_clock();
        for pass in 0.. {
            let mut lacking: Vec<(usize, Needs)> = Vec::new();
            let mut later = VecDeque::new();
            for waiting in queue.drain(..) {
                let full = decided.len() >= limit || round.bytes >= BATCH_BYTES_MAX || round.closed;
                let twice = decided
                    .iter()
                    .any(|other| other.waiting.job.request.id == waiting.job.request.id);
                if full || twice {
                    later.push_back(waiting);
                    continue;
                }
                let base = Base {
                    shared: &self.shared,
                    ws: self.ws,
                    head: self.head,
                    directory: &self.directory,
                    now,
                };
                let first = round.batch.len();
                match decide::decide(&base, &mut self.cache, round, &waiting.job, &waiting.fetched)
                {
                    Step::Decided(reads) => {
                        decided.push(Decided {
                            waiting,
                            reads,
                            first,
                            count: round.batch.len() - first,
                        });
                    }
                    Step::Refused(refusal, reads) => {
                        refused.push(Refused { waiting, refusal, reads })
                    }
                    Step::Broken(broken) => {
                        tracing::error!(
                            workspace = %self.ws.0, command = waiting.job.request.command.name(),
                            error = chain(&broken), "a command could not be decided"
                        );
                        waiting.job.answer(Err(broken.into()));
                    }
                    Step::Needs(needs) => {
                        lacking.push((later.len(), *needs));
                        later.push_back(waiting);
                    }
                }
            }
            *queue = later;
            if lacking.is_empty() {
                return Ok(());
            }
            if pass >= PASSES_MAX {
                let names: Vec<usize> = lacking.iter().map(|(index, _)| *index).collect();
                for index in names.into_iter().rev() {
                    if let Some(waiting) = queue.remove(index) {
                        let name = waiting.job.request.command.name();
                        waiting.job.answer(Err(Broken::Endless(name).into()));
                    }
                }
                continue;
            }
            if let Err(error) = self.fetch(queue, lacking).await {
                put_back(queue, decided.drain(..).map(|decided| decided.waiting));
                put_back(queue, refused.drain(..).map(|refused| refused.waiting));
                return Err(error);
            }
        }
        Ok(())
    }

    /// Sends a batch until the database has answered: after a lost connection the outcome is open, and sending the same
    /// batch again settles it.
    async fn send(&mut self, round: &mut Round) -> Result<Appended, LogError> {
        for (stream, version) in &round.guards {
            round.batch.guard(*stream, *version);
        }
        for (scope, mac, seq) in &round.claim_guards {
            round.batch.guard_claim(scope, *mac, *seq);
        }
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let sent = Instant::now();
            let outcome = self.send_once(round).await;
            metrics::histogram!("ledgerdesk_append_seconds").record(sent.elapsed().as_secs_f64());
            match outcome {
                Ok(appended) => return Ok(appended),
                Err(LogError::Database(error)) if is_race(&error) => {
                    // Only possible where the lock does not hold (another system than one Postgres): the primary key
                    // stopped this batch, nothing was written.
                    metrics::counter!("ledgerdesk_append_races_total").increment(1);
                    return Ok(Appended::Stale(self.head));
                }
                Err(error) => {
                    if !error.is_unavailable() || started.elapsed() + pause > RESEND_FOR {
                        return Err(error);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(500));
                }
            }
        }
    }

    async fn send_once(&mut self, round: &Round) -> Result<Appended, LogError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.shared.pool.acquire().await?.detach(),
        };
        let (node, head) = (self.shared.settings.node, self.head);
        let sending = append(&mut connection, self.ws, node, &head, &round.batch);
        let Ok(outcome) = tokio::time::timeout(APPEND_WITHIN, sending).await else {
            // Its answer may still arrive: the connection must not serve another statement.
            drop(connection.close_hard().await);
            return Err(LogError::Database(sqlx::Error::PoolTimedOut));
        };
        if outcome.is_ok() {
            self.connection = Some(connection);
        }
        outcome
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

    /// Fetches what decisions lack, with one round trip per kind of need.
    async fn fetch(
        &mut self,
        queue: &mut VecDeque<Waiting>,
        lacking: Vec<(usize, Needs)>,
    ) -> Result<(), LogError> {
        let mut streams = Vec::new();
        let (mut claims, mut keys) = (Vec::new(), Vec::new());
        for (index, needs) in lacking {
            streams.extend(needs.streams);
            claims.extend(needs.claims);
            keys.extend(needs.keys);
            let Some(waiting) = queue.get_mut(index) else { continue };
            if let Some((stream, expected)) = needs.tail {
                waiting.fetched.tail =
                    Some(self.shared.reader.stream(self.ws, stream.id, expected).await?);
            }
            if let Some((scopes, fresh)) = needs.seal {
                let is_fresh = |scope: &decider::KeyScope| decide::is_fresh(scope, &fresh);
                let keys = self.shared.vault.keys_for(self.ws, &scopes, &is_fresh).await;
                waiting.fetched.sealing = Some(keys.map_err(from_vault)?);
            }
        }
        self.fetch_streams(streams).await?;
        if !claims.is_empty() {
            let macs = decide::macs(&self.shared, self.ws, &claims);
            let rows = self.shared.reader.claims(self.ws, &macs).await?;
            for ((scope, mac), row) in macs.into_iter().zip(rows) {
                self.cache.put_claim(scope, mac, row);
            }
        }
        if !keys.is_empty() {
            self.shared.vault.load_keys(self.ws, &keys).await.map_err(from_vault)?;
        }
        Ok(())
    }

    async fn fetch_streams(
        &mut self,
        mut streams: Vec<decider::StreamRef>,
    ) -> Result<(), LogError> {
        if streams.is_empty() {
            return Ok(());
        }
        streams.sort_unstable();
        streams.dedup();
        let known: Vec<_> = streams.iter().map(|stream| self.cache.take(stream.id)).collect();
        let wanted: Vec<_> = streams
            .iter()
            .zip(&known)
            .map(|(stream, known)| (stream.id, known.as_ref().map_or(0, |entry| entry.version)))
            .collect();
        let events = self.shared.reader.streams(self.ws, &wanted).await?;
        let mut rest = events.as_slice();
        for (stream, known) in streams.iter().zip(known) {
            let count = rest.iter().take_while(|event| event.stream == stream.id).count();
            let (mine, others) = rest.split_at(count);
            rest = others;
            let Some(stream_type) = self.shared.types.get(stream.kind) else { continue };
            let (version, state) = known
                .map_or_else(|| (0, (stream_type.initial)()), |entry| (entry.version, entry.state));
            // A stream of another kind under this id: for this kind it does not exist, but its version must guard.
            let fits = mine.first().is_none_or(|event| event.kind == stream.kind);
            let version = mine.last().map_or(version, |event| event.version);
            let state = if fits { (stream_type.evolve_stored)(state, mine)? } else { state };
            let size = (stream_type.size_bytes)(&state);
            self.cache.put(stream.id, version, state, size);
        }
        Ok(())
    }
}

fn take_queued(first: Job, jobs: &mut mpsc::Receiver<Job>) -> VecDeque<Waiting> {
    let waiting = |job| Waiting { job, fetched: Fetched::default() };
    let mut batch = VecDeque::from([waiting(first)]);
    while batch.len() < BATCH_COMMANDS_MAX
        && let Ok(job) = jobs.try_recv()
    {
        batch.push_back(waiting(job));
    }
    batch
}

fn put_back(queue: &mut VecDeque<Waiting>, jobs: impl IntoIterator<Item = Waiting>) {
    // In front: what was sent first is decided first.
    let mut jobs: VecDeque<Waiting> = jobs.into_iter().collect();
    jobs.append(queue);
    *queue = jobs;
}

fn from_vault(error: vault::VaultError) -> LogError {
    if error.is_unavailable() {
        LogError::Database(sqlx::Error::PoolTimedOut)
    } else {
        LogError::Keys(Box::new(error))
    }
}

fn is_race(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| code == "23505" || code == "40001" || code == "40P01")
}

fn wall_clock() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// An error with its causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
