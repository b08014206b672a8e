//! Leading readers to another build and back, giving builds up, and closing the way back. Every node takes up a switch within a
//! second: it looks at the table of builds that often. Both builds are kept up to date, so no read fails or goes back in time.

use sqlx::Connection;
use tokio::time::{Duration, Instant, sleep};

use super::Workshop;
use super::builds::{self, Build, BuildState};
use super::claim::Claim;
use super::error::RebuildError;
use crate::projection::fold::ProjectionType;

/// How long a build that readers were led away from stays at least.
const WAY_BACK: Duration = Duration::from_secs(24 * 3600);
/// How long whoever works on a build may take to see that it was given up.
const STOPS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Workshop {
    /// Leads readers to the newest complete build. `force`: although it differs from the present one.
    ///
    /// # Errors
    /// See [`RebuildError`]; then readers stay where they are.
    pub async fn switch(
        &self,
        projection: ProjectionType,
        force: Force,
    ) -> Result<Build, RebuildError> {
        let waiting = |build: &&Build| build.replaced_at.is_none();
        let known = self.ready(projection).await?;
        let newest = known.iter().filter(waiting).max_by_key(|build| build.build);
        let next = newest.ok_or(RebuildError::NotReady { name: projection.name })?;
        if let (Some(problem), Force::No) = (&next.problem, force) {
            return Err(RebuildError::Differs {
                name: projection.name,
                build: next.build,
                problem: problem.clone(),
            });
        }
        self.lead_to(projection, next).await
    }

    /// Leads readers back to the build they saw before.
    ///
    /// # Errors
    /// See [`RebuildError`]; then readers stay where they are.
    pub async fn rollback(&self, projection: ProjectionType) -> Result<Build, RebuildError> {
        let known = self.ready(projection).await?;
        let replaced = known.iter().filter(|build| build.replaced_at.is_some());
        let newest = replaced.min_by_key(|build| build.replaced_for);
        let before = newest.ok_or(RebuildError::NoWayBack { name: projection.name })?;
        self.lead_to(projection, before).await
    }

    /// Gives up what is being built or waits for its switch, and drops its tables.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn abort(&self, projection: ProjectionType) -> Result<Vec<Build>, RebuildError> {
        let unfinished = |build: &Build| {
            build.name == projection.name
                && (build.state.is_building()
                    || matches!(build.state, BuildState::Checking | BuildState::Aborting)
                    || (build.state == BuildState::Ready && build.replaced_at.is_none()))
        };
        let mut given_up = self.builds().await?;
        given_up.retain(unfinished);
        if given_up.is_empty() {
            return Err(RebuildError::NothingToAbort { name: projection.name });
        }
        for build in &given_up {
            builds::give_up(&self.pool, build).await?;
        }
        let claim = self.claim_within(projection).await?;
        let dropped = self.drop_leftovers(projection).await;
        claim.give_back().await;
        dropped.map(|()| given_up)
    }

    /// Drops the tables of builds that readers were led away from. `force`: although it was a short while ago.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn retire(
        &self,
        projection: ProjectionType,
        force: Force,
    ) -> Result<Vec<Build>, RebuildError> {
        let mut replaced = self.builds().await?;
        replaced.retain(|build| build.name == projection.name && build.replaced_at.is_some());
        if replaced.is_empty() {
            return Err(RebuildError::NoWayBack { name: projection.name });
        }
        let soon = |build: &&Build| build.replaced_for.is_none_or(|ago| ago < WAY_BACK.as_secs());
        if let (Some(build), Force::No) = (replaced.iter().find(soon), force) {
            return Err(RebuildError::TooSoon {
                name: projection.name,
                build: build.build,
                minutes: build.replaced_for.unwrap_or(0) / 60,
            });
        }
        let claim = self.claim(projection).await?;
        for build in &replaced {
            builds::give_up(&self.pool, build).await?;
        }
        let dropped = self.drop_leftovers(projection).await;
        claim.give_back().await;
        dropped.map(|()| replaced)
    }

    async fn ready(&self, projection: ProjectionType) -> Result<Vec<Build>, RebuildError> {
        let mut known = self.builds().await?;
        known.retain(|build| build.is_of(&projection) && build.state == BuildState::Ready);
        Ok(known)
    }

    async fn lead_to(
        &self,
        projection: ProjectionType,
        next: &Build,
    ) -> Result<Build, RebuildError> {
        let target = projection.at_build(next.build);
        // Nobody is to see an older state than before.
        if let Some(active) = self.active(projection).await? {
            for ws in self.reader.workspaces().await? {
                let seen = self.standing(&active, ws).await?.position;
                self.reach(target, ws, seen).await?;
            }
        }
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        builds::lock(&mut transaction).await?;
        if !builds::activate(&mut transaction, &target).await? {
            return Err(RebuildError::NotReady { name: projection.name });
        }
        transaction.commit().await?;
        tracing::info!(
            projection = target.name,
            build = target.build,
            "readers are led to a build"
        );
        Ok(Build { state: BuildState::Active, ..next.clone() })
    }

    async fn claim_within(&self, projection: ProjectionType) -> Result<Claim, RebuildError> {
        let deadline = Instant::now() + STOPS_WITHIN;
        loop {
            match self.claim(projection).await {
                Err(RebuildError::Busy { .. }) if Instant::now() < deadline => {}
                outcome => return outcome,
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Whether something is to be done against a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Force {
    /// It is.
    Yes,
    /// It is not.
    No,
}
