//! Rebuilding a view beside itself: from the log into tables of its own, compared with what readers see, switched without a
//! failed read, and back. `planned → copying → indexing → catching_up → verifying → ready → active → retired`; whatever is cut
//! off goes on where it was.

mod builds;
mod bulk;
mod catch_up;
mod claim;
mod compare;
mod ddl;
mod error;
mod keys;
mod meter;
mod run;
mod scrub;
mod switch;
mod threads;
mod verify;

use std::sync::Arc;

use decider::WorkspaceId;
use sqlx::PgPool;
use tokio::task::JoinHandle;
use vault::Vault;

pub use builds::{Build, BuildState, builds};
pub(super) use builds::{activate, builds_on, create, lock, log_size, replace_older};
pub use compare::{Difference, DifferenceKind};
pub use error::RebuildError;
pub use meter::{Progress, Told};
pub use run::Rebuilt;
pub use scrub::Scrubbed;
pub use switch::Force;
pub use verify::{Verified, found};

use self::threads::Threads;
use super::fold::ProjectionType;
use super::lease::Leases;
use super::log_batch::LogSource;
use super::projector::{Projector, ProjectorParts};
use crate::log::{LogReader, RecentCommits};

/// Builds, compares and switches views. Cheap to clone.
#[derive(Clone)]
pub struct Workshop {
    reader: LogReader,
    source: LogSource,
    pool: PgPool,
    vault: Option<Vault>,
    leases: Leases,
    batch_events: usize,
    threads: Threads,
    _heard: Arc<Heard>,
}

/// Keeps the leases of a workshop alive as long as it is there.
struct Heard(JoinHandle<()>);

impl Drop for Heard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Workshop {
    /// A workshop that reads the log with `reader` and works over `pool`, of which it needs two connections, and a third one
    /// beside. To be made inside a runtime.
    #[must_use]
    pub fn new(reader: LogReader, pool: PgPool, vault: Option<Vault>) -> Self {
        let leases = Leases::new(pool.clone());
        let heard = Heard(tokio::spawn(leases.clone().keep()));
        // Reading from the database alone: what is in memory is new, and a rebuild begins with what is old.
        let source = LogSource::new(reader.clone(), RecentCommits::default());
        let batch_events = bulk::BATCH_EVENTS;
        let threads = Threads::new();
        Self { reader, source, pool, vault, leases, batch_events, threads, _heard: Arc::new(heard) }
    }

    /// Folds at most so many events at once: for tests.
    #[must_use]
    pub fn in_batches_of(self, batch_events: usize) -> Self {
        Self { batch_events, ..self }
    }

    /// The view of a name.
    ///
    /// # Errors
    /// [`RebuildError::UnknownView`] with the names there are.
    pub fn view(
        name: &str,
        projections: &[ProjectionType],
    ) -> Result<ProjectionType, RebuildError> {
        let found = projections.iter().find(|projection| projection.name == name);
        found.copied().ok_or_else(|| {
            let known: Vec<_> = projections.iter().map(|projection| projection.name).collect();
            RebuildError::UnknownView { name: name.to_owned(), known: known.join(", ") }
        })
    }

    /// Every build there is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn builds(&self) -> Result<Vec<Build>, RebuildError> {
        Ok(builds(&self.pool).await?)
    }

    fn projector(&self, projection: ProjectionType, ws: WorkspaceId) -> Projector {
        let parts = ProjectorParts {
            source: self.source.clone(),
            pool: self.pool.clone(),
            vault: self.vault.clone(),
        };
        Projector::new(parts, projection, ws)
    }

    /// Reads no key of a view that opens from memory: it may have been destroyed meanwhile.
    fn forget_keys(&self, projection: &ProjectionType) {
        if let (true, Some(vault)) = (projection.opens, &self.vault) {
            vault.forget_all_cached();
        }
    }
}
