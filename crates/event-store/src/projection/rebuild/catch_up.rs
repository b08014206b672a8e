//! Folding what came to the log meanwhile, or waiting for whoever does so already.

use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use tokio::time::{Instant, sleep};

use super::Workshop;
use super::error::RebuildError;
use super::meter::Reached;
use crate::projection::checkpoint::{self, Checkpoint};
use crate::projection::error::StepError;
use crate::projection::fold::{ProjectionType, Quarantine};
use crate::projection::lease::Lease;
use crate::projection::projector::Projector;
use crate::projection::views::read_quarantine;

/// How often a build that another node works on is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// A build that has not moved for so long does not follow the log.
const STANDS_AFTER: Duration = Duration::from_secs(60);

/// A build of a view of one workspace that this process alone moves.
pub(super) struct Held {
    pub(super) projector: Projector,
    pub(super) projection: ProjectionType,
    ws: WorkspaceId,
}

impl Workshop {
    /// Takes a build over from whoever follows it; that node has to let it go first, which it does when the build is not to be
    /// followed any more.
    pub(super) async fn hold(
        &self,
        projection: ProjectionType,
        ws: WorkspaceId,
        tolerated: Quarantine,
    ) -> Result<Held, RebuildError> {
        let schema = projection.schema_name();
        let deadline = Instant::now() + STANDS_AFTER;
        while self.leases.take(ws, &schema).await? == Lease::Elsewhere {
            if Instant::now() > deadline {
                return Err(RebuildError::Busy { name: projection.name });
            }
            sleep(LOOK_EVERY).await;
        }
        let mut projector = self.projector(projection, ws);
        projector.tolerate_only(tolerated);
        Ok(Held { projector, projection, ws })
    }

    pub(super) async fn let_go(&self, held: Held) {
        self.leases.give_back(held.ws, &held.projection.schema_name()).await;
    }

    /// Folds up to the end of the log.
    pub(super) async fn catch_up(
        &self,
        held: &mut Held,
        reached: &Reached<'_>,
    ) -> Result<(), RebuildError> {
        loop {
            match held.projector.step().await {
                Ok(None) => return Ok(()),
                Ok(Some(_)) | Err(StepError::Fenced) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(standing) = held.projector.checkpoint() {
                reached.at(standing.position).await?;
            }
        }
    }

    /// Folds up to a place where a commit ends, and no further.
    pub(super) async fn advance_to(
        &self,
        held: &mut Held,
        position: LogPosition,
    ) -> Result<Checkpoint, RebuildError> {
        loop {
            let standing = match held.projector.checkpoint() {
                Some(standing) => standing,
                None => self.standing(&held.projection, held.ws).await?,
            };
            let missing = position.0.saturating_sub(standing.position.0);
            if missing == 0 {
                return Ok(standing);
            }
            held.projector.set_batch_events(usize::try_from(missing.min(5_000)).unwrap_or(5_000));
            match held.projector.step().await {
                // Where somebody was taken out of the view, it reads its place and the keys again.
                Ok(Some(_)) | Err(StepError::Fenced) => {}
                // A log that ends before a place its own views have reached was set back.
                Ok(None) => return Err(RebuildError::LiveStands { name: held.projection.name }),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Brings a build that may be followed elsewhere at least to a position.
    pub(super) async fn reach(
        &self,
        projection: ProjectionType,
        ws: WorkspaceId,
        position: LogPosition,
    ) -> Result<(), RebuildError> {
        let schema = projection.schema_name();
        let (mut last, mut moved) = (LogPosition(0), Instant::now());
        loop {
            let standing = self.standing(&projection, ws).await?;
            if standing.position >= position {
                return Ok(());
            }
            if standing.position > last {
                (last, moved) = (standing.position, Instant::now());
            }
            if moved.elapsed() > STANDS_AFTER {
                return Err(RebuildError::LiveStands { name: projection.name });
            }
            if self.leases.take(ws, &schema).await? == Lease::Elsewhere {
                sleep(LOOK_EVERY).await;
                continue;
            }
            let mut projector = self.projector(projection, ws);
            let caught_up = projector.catch_up().await;
            self.leases.give_back(ws, &schema).await;
            match caught_up {
                Ok(()) | Err(StepError::Fenced) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until nobody follows a build any more.
    pub(super) async fn wait_until_unfollowed(&self, schema: &str) -> Result<(), RebuildError> {
        for ws in self.reader.workspaces().await? {
            let deadline = Instant::now() + STANDS_AFTER;
            while self.leases.take(ws, schema).await? == Lease::Elsewhere {
                if Instant::now() > deadline {
                    break;
                }
                sleep(LOOK_EVERY).await;
            }
            self.leases.give_back(ws, schema).await;
        }
        Ok(())
    }

    /// How far a build is.
    pub(super) async fn standing(
        &self,
        projection: &ProjectionType,
        ws: WorkspaceId,
    ) -> Result<Checkpoint, RebuildError> {
        let mut connection = self.pool.acquire().await?;
        Ok(checkpoint::read(&mut connection, ws, &projection.schema_name()).await?)
    }

    /// The streams a build leaves out.
    pub(super) async fn quarantine(
        &self,
        projection: &ProjectionType,
        ws: WorkspaceId,
    ) -> Result<Quarantine, RebuildError> {
        let mut connection = self.pool.acquire().await?;
        Ok(read_quarantine(&mut connection, ws, &projection.schema_name()).await?)
    }
}
