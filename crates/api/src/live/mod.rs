//! Live messages (P03): who is connected, within bounds; one reader of the log per workspace feeds all of them.
//!
//! A connection holds a place in the log and nothing else. What it is told lies in a ring that all connections to the workspace
//! share; one that falls behind the ring reads the log itself, in small pages and in turns; one that is far behind is told to
//! load again. A slow reader therefore costs what the kernel and the HTTP library buffer for it, and keeps nobody waiting.

mod connection;
mod feed;
mod frames;
mod note;
mod ring;
mod sight;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use decider::WorkspaceId;
use event_store::log::{LogReader, RecentCommits};
use events::UserId;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::settings::Limits;
use feed::{Feed, Source};

pub use connection::{Connection, Resume};
pub use note::LiveMessage;
pub use sight::{Sight, WITH_PAYLOAD, now};
pub use subject::{Subject, Viewer};

/// How many connections read the log themselves at a time: so many that fell behind leave enough for everybody else.
const READERS_MAX: usize = 3;
/// How long a connection waits for the log before it is told to come again.
const READY_WITHIN: Duration = Duration::from_secs(5);
/// When a refused one should come again.
const RETRY_AFTER_S: u64 = 30;

/// Everybody who is connected.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    source: Source,
    readers: Semaphore,
    open: Mutex<Open>,
    stopping: watch::Sender<bool>,
}

#[derive(Default)]
struct Open {
    feeds: HashMap<WorkspaceId, Arc<Feed>>,
    users: HashMap<(WorkspaceId, UserId), User>,
    connections: usize,
}

/// The connections of one user.
struct User {
    connections: usize,
    /// Wakes them to look whether they may go on.
    look: watch::Sender<()>,
}

/// One connection's place among all; dropping it gives the place back.
pub struct Place {
    live: Live,
    feed: Arc<Feed>,
    viewer: Viewer,
    look: watch::Receiver<()>,
}

impl Live {
    /// Nobody is connected.
    #[must_use]
    pub(crate) fn new((reader, recent): (LogReader, RecentCommits), kept_max: usize) -> Self {
        let shared = Shared {
            source: Source { reader, recent, kept_max },
            readers: Semaphore::new(READERS_MAX),
            open: Mutex::default(),
            stopping: watch::Sender::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Ends all connections, for good: each comes back to another node, or to this one after its restart.
    pub fn stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// How many are connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.open().connections
    }

    /// Lets a user's connections look at once whether they may go on.
    pub(crate) fn look(&self, ws: WorkspaceId, user: UserId) {
        if let Some(user) = self.open().users.get(&(ws, user)) {
            user.look.send_replace(());
        }
    }

    /// A connection for a caller.
    pub(crate) async fn connect(
        &self,
        app: &App,
        caller: Caller,
        resume: Resume,
    ) -> Result<Connection, ApiError> {
        let viewer = Viewer { user: caller.user, scope: caller.scope };
        let place = self.take_place(caller.ws, viewer, &app.settings().limits)?;
        let mut progress = place.feed.follow();
        let ready = progress.wait_for(|progress| progress.end.is_some() || progress.over);
        let progress = match timeout(READY_WITHIN, ready).await {
            Ok(Ok(progress)) => *progress,
            Ok(Err(_)) | Err(_) => return Err(away()),
        };
        let end = progress.end.filter(|_| !progress.over).ok_or_else(away)?;
        Connection::begin(app, caller, place, resume, (end, progress.rewinds)).await
    }

    /// A place, unless too many are taken. The feed is started by the first who comes.
    fn take_place(
        &self,
        ws: WorkspaceId,
        viewer: Viewer,
        limits: &Limits,
    ) -> Result<Place, ApiError> {
        if *self.shared.stopping.borrow() {
            return Err(ApiError::unavailable("stopping", "the service is restarting"));
        }
        let mut open = self.open();
        let here = open.feeds.get(&ws).map_or(0, |feed| feed.connections.load(Ordering::Relaxed));
        let own = open.users.get(&(ws, viewer.user)).map_or(0, |user| user.connections);
        if own >= limits.live_per_user_max {
            return Err(too_many());
        }
        if open.connections >= limits.live_max || here >= limits.live_per_workspace_max {
            return Err(full());
        }
        open.connections += 1;
        let user = open.users.entry((ws, viewer.user));
        let user = user.or_insert_with(|| User { connections: 0, look: watch::Sender::new(()) });
        user.connections += 1;
        let look = user.look.subscribe();
        let (feed, fresh) = match open.feeds.get(&ws).filter(|feed| !feed.follow().borrow().over) {
            Some(feed) => (Arc::clone(feed), false),
            None => (Arc::new(Feed::new(ws)), true),
        };
        feed.connections.fetch_add(1, Ordering::Relaxed);
        feed.limited.fetch_add(usize::from(viewer.is_limited()), Ordering::Relaxed);
        if fresh {
            open.feeds.insert(ws, Arc::clone(&feed));
            self.start(Arc::clone(&feed));
        }
        metrics::gauge!("ledgerdesk_live_connections").set(open.connections as f64);
        drop(open);
        Ok(Place { live: self.clone(), feed, viewer, look })
    }

    fn start(&self, feed: Arc<Feed>) {
        let live = self.clone();
        let mut stopping = self.shared.stopping.subscribe();
        let source = self.shared.source.clone();
        tokio::spawn(async move {
            let run = feed.run(source, move |feed| live.let_go(feed));
            tokio::select! {
                () = run => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        });
    }

    /// Forgets a feed that nobody listens to; answers whether it did.
    fn let_go(&self, feed: &Feed) -> bool {
        let mut open = self.open();
        let unused = feed.connections.load(Ordering::Relaxed) == 0;
        let is_this = |known: &Arc<Feed>| std::ptr::eq(Arc::as_ptr(known), feed);
        if unused && open.feeds.get(&feed.ws).is_some_and(is_this) {
            open.feeds.remove(&feed.ws);
        }
        unused
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Counts are changed as a whole; nothing panics under the lock.
        self.shared.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Where the log is read.
    fn source(&self) -> &Source {
        &self.live.shared.source
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.live.open();
        open.connections -= 1;
        self.feed.connections.fetch_sub(1, Ordering::Relaxed);
        self.feed.limited.fetch_sub(usize::from(self.viewer.is_limited()), Ordering::Relaxed);
        let name = (self.feed.ws, self.viewer.user);
        if let Some(user) = open.users.get_mut(&name) {
            user.connections -= 1;
            if user.connections == 0 {
                open.users.remove(&name);
            }
        }
        metrics::gauge!("ledgerdesk_live_connections").set(open.connections as f64);
    }
}

fn refused(reason: &'static str) {
    metrics::counter!("ledgerdesk_live_refused_total", "reason" => reason).increment(1);
}

fn too_many() -> ApiError {
    refused("user");
    let detail = "too many live connections of one user are open";
    ApiError::new(Kind::TooMany, "too_many_connections", detail).retry_after(RETRY_AFTER_S)
}

fn full() -> ApiError {
    refused("full");
    ApiError::unavailable("full", "too many live connections are open").retry_after(RETRY_AFTER_S)
}

fn away() -> ApiError {
    ApiError::unavailable("unavailable", "the log does not answer at this moment")
}
