//! Comparing what readers see with the log: the view is folded once more into tables without indexes, compared at one place,
//! and those tables are dropped. It covers every row of every table, those that many streams touch too.

use serde::Serialize;
use sqlx::Connection;

use super::Workshop;
use super::builds::{self, Build, BuildState};
use super::claim::Claim;
use super::compare::{Compared, Difference};
use super::error::RebuildError;
use super::meter::{Meter, Told};
use super::run::Job;
use crate::projection::fold::ProjectionType;

/// What comparing a view with the log found.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The view.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The build that readers see.
    pub build: u32,
    /// How many rows of all workspaces were compared.
    pub rows: u64,
    /// How many streams it leaves out; their rows were compared as they were left.
    pub left_out: usize,
    /// The rows that are not as the log says, up to a hundred.
    pub differences: Vec<Difference>,
}

impl Workshop {
    /// Compares what readers see with the log.
    ///
    /// # Errors
    /// See [`RebuildError`].
    pub async fn verify(
        &self,
        projection: ProjectionType,
        told: Told<'_>,
    ) -> Result<Verified, RebuildError> {
        let active = self.active(projection).await?;
        let active = active.ok_or(RebuildError::NotActive { name: projection.name })?;
        let claim = self.claim(projection).await?;
        let verified = self.verify_claimed(active, &claim, told).await;
        let dropped = self.drop_leftovers(projection).await;
        claim.give_back().await;
        let verified = verified?;
        dropped?;
        let text = serde_json::to_string(&verified).unwrap_or_default();
        builds::verified(&self.pool, &active, &text).await?;
        if let Some(first) = verified.differences.first() {
            tracing::error!(
                projection = active.name,
                table = first.table,
                key = first.key,
                rows = verified.differences.len(),
                "rows of a view are not as the log says"
            );
        }
        Ok(verified)
    }

    async fn verify_claimed(
        &self,
        active: ProjectionType,
        claim: &Claim,
        told: Told<'_>,
    ) -> Result<Verified, RebuildError> {
        self.drop_leftovers(active).await?;
        let build = self.scratch(active).await?;
        let meter = Meter::new(self.pool.clone(), build, told, BuildState::Checking);
        let job = Job { workshop: self, build, meter: &meter, claim };
        meter.enter(BuildState::Checking, (0, job.total().await?));
        job.copy().await?;
        let mut found = Compared::default();
        let mut left_out = 0;
        for ws in self.reader.workspaces().await? {
            left_out += self.quarantine(&active, ws).await?.0.len();
            let compared = job.compare(active, ws).await?;
            found.rows += compared.rows;
            found.differences.extend(compared.differences);
        }
        let ProjectionType { name, version, build, .. } = active;
        let (rows, differences) = (found.rows, found.differences);
        Ok(Verified { name, version, build, rows, left_out, differences })
    }

    async fn scratch(&self, active: ProjectionType) -> Result<ProjectionType, RebuildError> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        builds::lock(&mut transaction).await?;
        let build = builds::create(&mut transaction, active, BuildState::Checking).await?;
        transaction.commit().await?;
        Ok(build)
    }
}

/// What the newest comparison of a build with the log found: how many rows were compared, and those that differ.
#[must_use]
pub fn found(build: &Build) -> Option<(u64, Vec<Difference>)> {
    #[derive(serde::Deserialize)]
    struct Stored {
        rows: u64,
        differences: Vec<Difference>,
    }
    let stored: Stored = serde_json::from_str(build.verified.as_deref()?).ok()?;
    Some((stored.rows, stored.differences))
}
