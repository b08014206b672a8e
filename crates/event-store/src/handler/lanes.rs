//! The connections on which batches travel: one, and a second so that the database finds the next batch waiting when it
//! has written the one before.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Shared;
use super::backend::Lane;

/// How many batches of a workspace are on their way at most.
pub(super) const LANES: usize = 2;
/// How long to do with one after another connection could not be had.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// The idle connections of an appender. They are its own: a pool that closes must not wait for them.
pub(super) struct Lanes {
    shared: Arc<Shared>,
    free: Vec<Box<dyn Lane>>,
    opening: Option<JoinHandle<Option<Box<dyn Lane>>>>,
    open_after: Instant,
}

impl Lanes {
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, free: Vec::new(), opening: None, open_after: Instant::now() }
    }

    /// Whether a batch can leave at once.
    pub fn is_free(&self) -> bool {
        !self.free.is_empty()
    }

    pub fn take(&mut self) -> Option<Box<dyn Lane>> {
        self.free.pop()
    }

    pub fn give_back(&mut self, lane: Option<Box<dyn Lane>>) {
        if self.free.len() < LANES {
            self.free.extend(lane);
        }
    }

    /// Begins to open another connection, beside the batch on its way.
    pub fn open_another(&mut self) {
        if self.opening.is_none() && Instant::now() >= self.open_after {
            let shared = Arc::clone(&self.shared);
            let opening = async move { shared.backend.lane().await.ok() };
            self.opening = Some(tokio::spawn(opening));
        }
    }

    pub fn is_opening(&self) -> bool {
        self.opening.is_some()
    }

    /// Waits for the connection that is being opened. Without it the workspace goes on with one.
    pub async fn opened(&mut self) {
        let Some(opening) = self.opening.as_mut() else { return };
        let opened = opening.await.ok().flatten();
        self.opening = None;
        if opened.is_none() {
            self.open_after = Instant::now() + RETRY_AFTER;
        }
        self.give_back(opened);
    }

    /// After an error: what is left of the connections is not trusted.
    pub fn drop_all(&mut self) {
        self.free.clear();
    }

    /// A workspace in which nothing happens keeps no connection.
    pub fn close(&mut self) {
        for lane in self.free.drain(..) {
            tokio::spawn(lane.close());
        }
    }
}
