//! The one reader of a workspace's log that feeds all live connections to it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use event_store::log::{Bookmark, Follower, LogError, LogReader, Outline, Outlines, RecentCommits};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::note::{self, Note};
use super::ring::Ring;
use super::sight::WITH_PAYLOAD;

/// How often the log is asked when nothing woke the feed: alone enough for correctness.
const POLL: Duration = Duration::from_secs(1);
/// How long a feed that nobody listens to goes on: those who come back find what they missed.
const LINGER: Duration = Duration::from_secs(60);
/// First and longest pause after a failure.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Each message costs each connection a write: the more connections, the more is told at once.
const PAUSE_PER_CONNECTION: Duration = Duration::from_micros(40);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// How far a feed is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to here can be told; none before the log was read for the first time.
    pub end: Option<Bookmark>,
    /// How often the log turned out to be another one.
    pub rewinds: u64,
    /// The feed ended.
    pub over: bool,
}

/// What a feed reads.
#[derive(Clone)]
pub struct Source {
    /// The log.
    pub reader: LogReader,
    /// The newest commits of this process.
    pub recent: RecentCommits,
    /// How many notes are kept.
    pub kept_max: usize,
}

/// The newest notes of one workspace, and how far they reach.
pub struct Feed {
    /// The workspace.
    pub ws: WorkspaceId,
    /// How many connections listen, and how many of them see only some tickets.
    pub connections: AtomicUsize,
    pub limited: AtomicUsize,
    ring: Mutex<Ring>,
    progress: watch::Sender<Progress>,
}

impl Feed {
    /// A feed that was not started yet.
    pub fn new(ws: WorkspaceId) -> Self {
        Self {
            ws,
            connections: AtomicUsize::new(0),
            limited: AtomicUsize::new(0),
            ring: Mutex::default(),
            progress: watch::Sender::default(),
        }
    }

    /// Wakes when there is more.
    pub fn follow(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// See [`Ring::after`].
    pub fn after(
        &self,
        reached: Bookmark,
        limited: bool,
        max: usize,
    ) -> Option<(Vec<Arc<Note>>, Bookmark)> {
        self.ring().after(reached, limited, max)
    }

    /// Reads the log until `idle` says that nobody needs it any more.
    pub async fn run(self: Arc<Self>, source: Source, idle: impl Fn(&Self) -> bool) {
        let _over = Over(&self);
        let head = source.recent.follow(self.ws);
        let mut pause = BACK_OFF.0;
        loop {
            match self.read(&source, head.clone(), &idle).await {
                Ok(()) => return,
                Err(error @ LogError::Rewound { .. }) => {
                    let error = crate::chain::describe(&error);
                    tracing::error!(ws = %self.ws.0, error.chain = error, "the log is another one: live connections are told to load again");
                    source.recent.forget(self.ws);
                    self.progress.send_modify(|progress| {
                        progress.end = None;
                        progress.rewinds += 1;
                    });
                    pause = BACK_OFF.0;
                }
                Err(error) => {
                    let error = crate::chain::describe(&error);
                    tracing::warn!(ws = %self.ws.0, error.chain = error, "live messages wait for the log");
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(BACK_OFF.1);
            if idle(&self) {
                return;
            }
        }
    }

    async fn read(
        &self,
        source: &Source,
        mut head: Follower,
        idle: &impl Fn(&Self) -> bool,
    ) -> Result<(), LogError> {
        let mut log = self.begin(source).await?;
        let (mut poll, mut quiet) = (true, Duration::ZERO);
        loop {
            let known = *head.borrow_and_update();
            metrics::gauge!("ledgerdesk_live_lag_events", "ws" => self.ws.0.to_string())
                .set(known.0.saturating_sub(log.position().0) as f64);
            if poll || known > log.position() {
                let outlines = log.next().await?;
                if !outlines.is_empty() {
                    self.take_in(source, &outlines).await?;
                    quiet = Duration::ZERO;
                    sleep(self.pause()).await;
                    continue;
                }
            }
            poll = !matches!(timeout(POLL, head.changed()).await, Ok(Ok(())));
            quiet += if poll { POLL } else { Duration::ZERO };
            if self.connections.load(Ordering::Relaxed) > 0 {
                quiet = Duration::ZERO;
            } else if quiet >= LINGER && idle(self) {
                return Ok(());
            }
        }
    }

    /// From the head on, with what came just before it: those who come back after a restart of the server need that.
    async fn begin(&self, source: &Source) -> Result<Outlines, LogError> {
        let parts = (source.reader.clone(), source.recent.clone());
        let log = Outlines::from_head(parts, self.ws, WITH_PAYLOAD).await?;
        let head = log.position();
        // At least the last event: its mark goes out with whatever is told first.
        let before = source.kept_max.max(1) as u64;
        let start = LogPosition(head.0.saturating_sub(before));
        let (mut ring, mut read) =
            (Ring::after_position(start, source.kept_max), Bookmark::unmarked(start));
        while read.position < head {
            let wanted = u32::try_from((head.0 - read.position.0).min(1_000)).unwrap_or(u32::MAX);
            let outlines =
                source.reader.outline(self.ws, read.position, wanted, WITH_PAYLOAD).await?;
            let Some(last) = outlines.last() else { break };
            read = last.bookmark();
            let (notes, sighted) = self.notes(source, &outlines).await?;
            ring.push(notes, read, sighted);
        }
        let end = if read.position == head { read } else { Bookmark::unmarked(head) };
        *self.ring() = ring;
        self.progress.send_modify(|progress| progress.end = Some(end));
        Ok(log)
    }

    async fn take_in(&self, source: &Source, outlines: &[Outline]) -> Result<(), LogError> {
        let Some(end) = outlines.last().map(Outline::bookmark) else { return Ok(()) };
        let (notes, sighted) = self.notes(source, outlines).await?;
        self.ring().push(notes, end, sighted);
        self.progress.send_modify(|progress| progress.end = Some(end));
        Ok(())
    }

    /// Who sees the tickets is only asked when somebody listens who does not see all; if it cannot be told, nobody but those is
    /// kept waiting.
    async fn notes(
        &self,
        source: &Source,
        outlines: &[Outline],
    ) -> Result<(Vec<Arc<Note>>, bool), LogError> {
        let limited = self.limited.load(Ordering::Relaxed) > 0;
        match note::notes(&source.reader, self.ws, outlines, limited).await {
            Ok(notes) => Ok((notes, limited)),
            Err(LogError::Decode(_)) if limited => Ok((note::told(outlines, None)?, false)),
            Err(error) => Err(error),
        }
    }

    fn pause(&self) -> Duration {
        let connections = u32::try_from(self.connections.load(Ordering::Relaxed));
        (PAUSE_PER_CONNECTION * connections.unwrap_or(u32::MAX)).min(PAUSE_MAX)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        // The lock is held to copy or to push; a poisoned ring would still hold whole notes.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However the task ends, those who wait for it are told.
struct Over<'a>(&'a Feed);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.progress.send_modify(|progress| progress.over = true);
    }
}
