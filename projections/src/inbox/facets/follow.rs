//! Keeps the index of one workspace up to date: reads it from the tables, follows the log as far as the tables have, and
//! gives it up where it may not be trusted, to read it anew.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use decider::{LogPosition, StoredEvent, WorkspaceId};
use event_store::log::{LogError, RecentCommits};
use event_store::projection::{Checkpoint, Checkpoints, Fault, Freshness, LogSource, Projection};
use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};

use super::index::Index;
use super::start;
use crate::inbox::Inbox;

/// How often the view and the log are looked at when nothing woke the follower: alone enough for correctness.
const POLL: Duration = Duration::from_secs(1);
/// First and longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(30));
/// How long the view may seem to be behind what was read from its tables.
const BEHIND_MAX: Duration = Duration::from_millis(200);
/// Events of one batch: readers wait while one is taken in.
const EVENTS_MAX: u64 = 1_000;
/// An index nobody asks for is given back.
const IDLE_MAX: Duration = Duration::from_secs(3_600);
/// How often its size is told.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// What a follower works with.
#[derive(Clone)]
pub struct FacetParts {
    /// Reads the views.
    pub pool: PgPool,
    /// Where events come from.
    pub source: LogSource,
    /// Wakes when the log has grown.
    pub recent: RecentCommits,
    /// How far the views are.
    pub checkpoints: Checkpoints,
}

/// The index of a workspace, while there is one.
pub(super) struct Held {
    ws: WorkspaceId,
    index: RwLock<Option<Index>>,
    /// How far the index is; none while there is none.
    reached: watch::Sender<Option<LogPosition>>,
    asked: AtomicBool,
}

/// Why an index is given up, or could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum GiveUp {
    #[error("the tables of the inbox could not be read")]
    Tables(#[from] sqlx::Error),
    #[error("the log could not be followed")]
    Log(#[from] LogError),
    #[error("an event could not be folded")]
    Fault(#[from] Fault),
    #[error("readers are led to other tables of the inbox")]
    Switched,
    #[error("{0}")]
    Changed(&'static str),
}

impl GiveUp {
    /// A word for the metric.
    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Tables(_) => "tables",
            Self::Log(LogError::Rewound { .. }) => "rewound",
            Self::Log(_) => "log",
            Self::Fault(_) => "fault",
            Self::Switched => "switched",
            Self::Changed(_) => "changed",
        }
    }

    /// What happened and why, without what an event holds.
    fn told(&self) -> String {
        match self {
            Self::Tables(error) => format!("{self}: {error}"),
            Self::Log(error) => format!("{self}: {error}"),
            Self::Fault(fault) => format!("{self}: {fault}"),
            Self::Switched | Self::Changed(_) => self.to_string(),
        }
    }

    /// Whether the index is as good as before, and only the database was away.
    fn is_passing(&self) -> bool {
        match self {
            Self::Tables(error) => event_store::log::is_unavailable(error),
            Self::Log(error) => error.is_unavailable(),
            Self::Fault(_) | Self::Switched | Self::Changed(_) => false,
        }
    }
}

impl Held {
    pub(super) fn new(ws: WorkspaceId) -> Self {
        Self {
            ws,
            index: RwLock::new(None),
            reached: watch::Sender::new(None),
            asked: AtomicBool::new(true),
        }
    }

    /// Somebody reads.
    pub(super) fn index(&self) -> RwLockReadGuard<'_, Option<Index>> {
        self.asked.store(true, Ordering::Relaxed);
        self.read()
    }

    /// How far the index is; none while there is none.
    pub(super) fn reached(&self) -> Option<LogPosition> {
        *self.reached.borrow()
    }

    /// Waits until the index has reached a position, at most so long; not at all while there is no index.
    pub(super) async fn has_reached(&self, position: LogPosition, at_most: Duration) -> bool {
        let mut reached = self.reached.subscribe();
        let there = reached.wait_for(|reached| reached.is_none_or(|known| known >= position));
        matches!(timeout(at_most, there).await, Ok(Ok(known)) if known.is_some())
    }

    /// Follows until nobody has asked for long; then `let_go` forgets it.
    pub(super) async fn run(self: Arc<Self>, parts: FacetParts, let_go: impl Fn(&Self)) {
        let mut pause = BACK_OFF.0;
        loop {
            let started = Instant::now();
            let Err(failed) = self.build_and_follow(&parts).await else {
                let_go(&self);
                return self.give_up();
            };
            self.give_up();
            if started.elapsed() > BACK_OFF.1 {
                // It was good for a while: this is another failure than the one before.
                pause = BACK_OFF.0;
            }
            metrics::counter!("ledgerdesk_facets_given_up_total", "reason" => failed.reason())
                .increment(1);
            if matches!(failed, GiveUp::Switched) {
                tracing::info!(ws = %self.ws.0, "the index of tickets is made from the tables that readers are led to now");
                continue;
            }
            tracing::warn!(ws = %self.ws.0, error = failed.told(), "lists are read from the tables until the index of tickets is made again");
            sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF.1);
        }
    }

    async fn build_and_follow(&self, parts: &FacetParts) -> Result<(), GiveUp> {
        let schema = self.build(parts).await?;
        self.follow(parts, &schema).await
    }

    /// Makes the index; answers the schema it was read from.
    pub(super) async fn build(&self, parts: &FacetParts) -> Result<String, GiveUp> {
        if parts.recent.continuity().is_rewound(self.ws) {
            return Err(GiveUp::Changed("the log was rewound"));
        }
        let started = Instant::now();
        let (mut index, schema) = start::read(&parts.pool, self.ws).await?;
        let sorted = spawn_blocking(move || {
            index.sort();
            index
        });
        let index = sorted.await.map_err(|_| GiveUp::Changed("the process ends"))?;
        metrics::histogram!("ledgerdesk_facets_build_seconds").record(started.elapsed());
        let position = index.checkpoint.position;
        self.measure(&index);
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Some(index);
        self.reached.send_replace(Some(position));
        Ok(schema)
    }

    /// Follows until nobody asks any more.
    async fn follow(&self, parts: &FacetParts, schema: &str) -> Result<(), GiveUp> {
        let mut head = parts.recent.follow(self.ws);
        let (mut measured, mut looked) = (Instant::now(), Instant::now());
        let (mut asked, mut pause) = (Instant::now(), BACK_OFF.0);
        loop {
            let passed = match self.catch_up(parts).await {
                Err(failed) if failed.is_passing() => {
                    sleep(pause).await;
                    pause = (pause * 2).min(POLL);
                    continue;
                }
                passed => passed?,
            };
            pause = BACK_OFF.0;
            if looked.elapsed() >= POLL {
                looked = Instant::now();
                if matches!(start::has_moved(&parts.pool, schema).await, Ok(true)) {
                    return Err(GiveUp::Switched);
                }
            }
            if measured.elapsed() >= MEASURE_EVERY {
                measured = Instant::now();
                if let Some(index) = self.read().as_ref() {
                    self.measure(index);
                }
            }
            if self.asked.swap(false, Ordering::Relaxed) {
                asked = Instant::now();
            } else if asked.elapsed() >= IDLE_MAX {
                return Ok(());
            }
            let known = *head.borrow_and_update();
            if known > passed {
                // The view is about to get there.
                let next = LogPosition(passed.0 + 1);
                parts.checkpoints.wait(self.ws, Inbox::NAME, next, POLL).await;
            } else if let Ok(Err(_)) = timeout(POLL, head.changed()).await {
                sleep(POLL).await;
            }
        }
    }

    /// Folds what the view has folded, never more: a page must find its rows. Answers where it stands.
    pub(super) async fn catch_up(&self, parts: &FacetParts) -> Result<LogPosition, GiveUp> {
        loop {
            if parts.recent.continuity().is_rewound(self.ws) {
                return Err(GiveUp::Changed("the log was rewound"));
            }
            let standing = parts.checkpoints.standing(self.ws, Inbox::NAME).await?;
            let standing = standing.ok_or(GiveUp::Changed("the inbox is not known"))?;
            let at = self.checkpoint()?;
            if at.position > standing.position {
                // What was just written is known a moment later; what a crash took away is not.
                let wait = parts.checkpoints.wait(self.ws, Inbox::NAME, at.position, BEHIND_MAX);
                if wait.await == Freshness::Stale {
                    return Err(GiveUp::Changed("the inbox was set back"));
                }
                continue;
            }
            if self.left_out() != standing.left_out {
                return Err(GiveUp::Changed("the inbox leaves out other streams"));
            }
            if at.position == standing.position {
                return Ok(at.position);
            }
            let most = (standing.position.0 - at.position.0).min(EVENTS_MAX);
            let most = usize::try_from(most).unwrap_or(usize::MAX);
            let batch = parts.source.after(self.ws, &at, most).await?;
            let batch = batch.ok_or(GiveUp::Changed("the inbox is ahead of the log"))?;
            if batch.position > standing.position {
                return Err(GiveUp::Changed("the inbox stands within a commit"));
            }
            let events: Vec<&StoredEvent> = batch.events().collect();
            let changed = self.read().as_ref().map(|index| index.fold(&events)).transpose()?;
            let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
            if let (Some(index), Some(changed)) = (index.as_mut(), changed) {
                index.advance(&changed, &batch);
            }
            drop(index);
            self.reached.send_replace(Some(batch.position));
        }
    }

    fn checkpoint(&self) -> Result<Checkpoint, GiveUp> {
        let index = self.read();
        index.as_ref().map(|index| index.checkpoint).ok_or(GiveUp::Changed("the index is gone"))
    }

    fn left_out(&self) -> usize {
        self.read().as_ref().map_or(0, |index| index.without.0.len())
    }

    #[cfg(test)]
    pub(super) fn forge_checkpoint(&self) {
        let mut index = self.index.write().unwrap();
        index.as_mut().unwrap().checkpoint.hash = [7; 32];
    }

    fn give_up(&self) {
        self.reached.send_replace(None);
        let gone = self.index.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(gone);
        let ws = self.ws.0.to_string();
        metrics::gauge!("ledgerdesk_facets_bytes", "ws" => ws.clone()).set(0.0);
        metrics::gauge!("ledgerdesk_facets_tickets", "ws" => ws).set(0.0);
    }

    fn measure(&self, index: &Index) {
        let ws = self.ws.0.to_string();
        metrics::gauge!("ledgerdesk_facets_bytes", "ws" => ws.clone()).set(index.bytes() as f64);
        metrics::gauge!("ledgerdesk_facets_tickets", "ws" => ws).set(index.len() as f64);
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Index>> {
        // A fold that panics does so before anything is changed; taking rows in does not panic.
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}
