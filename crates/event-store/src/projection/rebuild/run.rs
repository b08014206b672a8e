//! Building a view, from the first table to the last comparison, or from where it was cut off.

use decider::WorkspaceId;
use sqlx::{AssertSqlSafe, Connection};

use super::builds::{self, Build, BuildState};
use super::bulk::Bulk;
use super::catch_up::Held;
use super::claim::Claim;
use super::compare::Difference;
use super::ddl::INDEXING;
use super::error::RebuildError;
use super::keys::{self, Keyed};
use super::meter::{Meter, Reached, Told};
use super::{Workshop, ddl};
use crate::projection::error::FaultCause;
use crate::projection::fold::{ProjectionType, Quarantine};
use crate::projection::table_sql::quoted;

/// A build that is ready.
#[derive(Clone, Debug)]
pub struct Rebuilt {
    /// The view.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// The build.
    pub build: u32,
    /// How many rows of all workspaces were compared with the present build; none when there is none of this code, or when it
    /// leaves other streams out.
    pub rows_compared: Option<u64>,
    /// Rows of the present build that are not as this one has them.
    pub differences: Vec<Difference>,
}

impl Workshop {
    /// Builds a view anew beside the present one, or goes on with what was cut off. Readers stay where they are.
    ///
    /// # Errors
    /// See [`RebuildError`]. What was built stays; the same call goes on with it.
    pub async fn rebuild(
        &self,
        projection: ProjectionType,
        told: Told<'_>,
    ) -> Result<Rebuilt, RebuildError> {
        let claim = self.claim(projection).await?;
        let rebuilt = self.rebuild_claimed(projection, &claim, told).await;
        claim.give_back().await;
        rebuilt
    }

    async fn rebuild_claimed(
        &self,
        projection: ProjectionType,
        claim: &Claim,
        told: Told<'_>,
    ) -> Result<Rebuilt, RebuildError> {
        self.drop_leftovers(projection).await?;
        let (build, state) = self.begin(projection).await?;
        let meter = Meter::new(self.pool.clone(), build, told, state);
        let job = Job { workshop: self, build, meter: &meter, claim };
        let worked = job.work(state).await;
        match &worked {
            Ok(_) | Err(RebuildError::Aborted) => {}
            // Should the database be away, it cannot be told either.
            Err(error) => drop(meter.problem(Some(&chain(error))).await),
        }
        worked
    }

    pub(super) async fn claim(&self, projection: ProjectionType) -> Result<Claim, RebuildError> {
        let claim = Claim::take(&self.pool, projection.name).await?;
        claim.ok_or(RebuildError::Busy { name: projection.name })
    }

    /// The build to go on with, or a new one.
    async fn begin(
        &self,
        projection: ProjectionType,
    ) -> Result<(ProjectionType, BuildState), RebuildError> {
        let mut connection = self.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        builds::lock(&mut transaction).await?;
        let known = builds::builds_on(&mut transaction).await?;
        let mine = known.iter().filter(|build| build.is_of(&projection));
        for build in mine {
            if build.state == BuildState::Ready && build.replaced_at.is_none() {
                return Err(RebuildError::Waiting { name: projection.name, build: build.build });
            }
            if build.state.is_building() {
                return Ok((projection.at_build(build.build), build.state));
            }
        }
        let build = builds::create(&mut transaction, projection, BuildState::Planned).await?;
        transaction.commit().await?;
        Ok((build, BuildState::Planned))
    }

    /// The build of this code that readers see.
    pub(super) async fn active(
        &self,
        projection: ProjectionType,
    ) -> Result<Option<ProjectionType>, RebuildError> {
        let known = self.builds().await?;
        let active = known
            .iter()
            .find(|build| build.is_of(&projection) && build.state == BuildState::Active);
        Ok(active.map(|build| projection.at_build(build.build)))
    }

    /// Drops what an end in the middle left behind. Only who holds the claim may.
    pub(super) async fn drop_leftovers(
        &self,
        projection: ProjectionType,
    ) -> Result<(), RebuildError> {
        let left = |build: &&Build| {
            build.name == projection.name
                && matches!(build.state, BuildState::Checking | BuildState::Aborting)
        };
        for build in self.builds().await?.iter().filter(left) {
            self.wait_until_unfollowed(&build.schema).await?;
            builds::drop_tables(&self.pool, build).await?;
        }
        Ok(())
    }
}

/// One build under way.
pub(super) struct Job<'a> {
    pub(super) workshop: &'a Workshop,
    pub(super) build: ProjectionType,
    pub(super) meter: &'a Meter<'a>,
    pub(super) claim: &'a Claim,
}

impl Job<'_> {
    async fn work(&self, mut state: BuildState) -> Result<Rebuilt, RebuildError> {
        let mut found = None;
        loop {
            self.meter.enter(state, self.far(state).await?);
            let next = match state {
                BuildState::Planned => BuildState::Copying,
                BuildState::Copying => {
                    self.copy().await?;
                    BuildState::Indexing
                }
                BuildState::Indexing => {
                    self.index().await?;
                    BuildState::CatchingUp
                }
                BuildState::CatchingUp => {
                    self.catch_up().await?;
                    BuildState::Verifying
                }
                BuildState::Verifying => {
                    found = self.verify().await?;
                    BuildState::Ready
                }
                BuildState::Ready => return self.ready(found).await,
                BuildState::Active
                | BuildState::Checking
                | BuildState::Aborting
                | BuildState::Retired => return Err(RebuildError::Aborted),
            };
            let mut connection = self.workshop.pool.acquire().await?;
            if !builds::move_on(&mut connection, &self.build, (state, next)).await? {
                return Err(RebuildError::Aborted);
            }
            tracing::info!(
                projection = self.build.name,
                build = self.build.build,
                "{} → {}",
                state.as_str(),
                next.as_str()
            );
            state = next;
        }
    }

    /// How much of a state is done when it is entered, and of how much: events, or no index yet.
    async fn far(&self, state: BuildState) -> Result<(u64, u64), RebuildError> {
        if state == BuildState::Indexing {
            return Ok((0, ddl::sorted(self.build.schema_sql).indexes.len() as u64));
        }
        Ok((self.done().await?, self.total().await?))
    }

    /// Folds the logs of all workspaces into the tables, and gives them their keys.
    pub(super) async fn copy(&self) -> Result<(), RebuildError> {
        while self.copy_logs().await? == Keyed::Twice {
            tracing::warn!(
                projection = self.build.name,
                build = self.build.build,
                "two events make the same row: the build begins again, to find out which"
            );
            keys::begin_again(&self.workshop.pool, &self.build).await?;
        }
        Ok(())
    }

    async fn copy_logs(&self) -> Result<Keyed, RebuildError> {
        let workspaces = self.workshop.reader.workspaces().await?;
        let mut before = 0;
        for ws in &workspaces {
            self.leave_out_refused(*ws).await?;
            let tolerated = self.tolerated(*ws).await?;
            let bulk = Bulk::new(self.workshop.clone(), self.build, *ws, tolerated);
            if bulk.run(&self.reached(before).await?).await? == Keyed::Twice {
                return Ok(Keyed::Twice);
            }
            before += self.workshop.standing(&self.build, *ws).await?.position.0;
        }
        Ok(keys::make_all(&self.workshop.pool, &self.build).await?)
    }

    async fn index(&self) -> Result<(), RebuildError> {
        let indexes = ddl::sorted(self.build.schema_sql).indexes;
        let schema = quoted(&self.build.schema_name());
        for (index, statement) in indexes.iter().enumerate() {
            self.meter.reach(index as u64, indexes.len() as u64).await?;
            let mut connection = self.workshop.pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            let sql = format!("{INDEXING}; set local search_path to {schema}; {statement}");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *transaction).await?;
            transaction.commit().await?;
        }
        for table in (self.build.tables)() {
            let place = format!("{schema}.{}", quoted(table.name));
            let sql = format!(
                "alter table {place} reset (autovacuum_enabled, toast.autovacuum_enabled); analyze {place}"
            );
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&self.workshop.pool).await?;
        }
        self.meter.reach(indexes.len() as u64, indexes.len() as u64).await
    }

    async fn catch_up(&self) -> Result<(), RebuildError> {
        let workspaces = self.workshop.reader.workspaces().await?;
        let mut before = 0;
        for ws in &workspaces {
            let mut held = self.hold(*ws).await?;
            let reached = self.reached(before).await?;
            let caught_up = self.workshop.catch_up(&mut held, &reached).await;
            self.workshop.let_go(held).await;
            caught_up?;
            before += self.workshop.standing(&self.build, *ws).await?.position.0;
        }
        Ok(())
    }

    /// Compares it with the present build of the same code; none when there is nothing to compare with.
    async fn verify(&self) -> Result<Option<(u64, Vec<Difference>)>, RebuildError> {
        let Some(active) = self.workshop.active(self.build).await? else { return Ok(None) };
        let (mut rows, mut differences) = (0, Vec::new());
        for ws in self.workshop.reader.workspaces().await? {
            let left_out = self.workshop.quarantine(&active, ws).await?;
            if left_out != self.workshop.quarantine(&self.build, ws).await? {
                return Ok(None);
            }
            let compared = self.compare(active, ws).await?;
            rows += compared.rows;
            differences.extend(compared.differences);
            self.meter.reach(self.done().await?, self.total().await?).await?;
        }
        Ok(Some((rows, differences)))
    }

    pub(super) async fn compare(
        &self,
        present: ProjectionType,
        ws: WorkspaceId,
    ) -> Result<super::compare::Compared, RebuildError> {
        let mut held = self.hold(ws).await?;
        let compared = self.workshop.compare(present, &mut held, ws).await;
        self.workshop.let_go(held).await;
        compared
    }

    async fn ready(&self, found: Option<(u64, Vec<Difference>)>) -> Result<Rebuilt, RebuildError> {
        let (rows_compared, differences) = match found {
            Some((rows, differences)) => (Some(rows), differences),
            None => (None, Vec::new()),
        };
        if let Some(first) = differences.first() {
            let more = differences.len() - 1;
            let problem = match more {
                0 => first.to_string(),
                more => format!("{first}; and {more} more"),
            };
            self.meter.problem(Some(&problem)).await?;
        }
        let ProjectionType { name, version, build, .. } = self.build;
        Ok(Rebuilt { name, version, build, rows_compared, differences })
    }

    async fn hold(&self, ws: WorkspaceId) -> Result<Held, RebuildError> {
        self.workshop.hold(self.build, ws, self.tolerated(ws).await?).await
    }

    /// Rows that the database does not take are found out by an index that is made last here: their streams are left out from
    /// the beginning.
    async fn leave_out_refused(&self, ws: WorkspaceId) -> Result<(), RebuildError> {
        let Some(active) = self.workshop.active(self.build).await? else { return Ok(()) };
        sqlx::query(include_str!("../sql/quarantine_copy.sql"))
            .bind(ws.0)
            .bind(active.schema_name())
            .bind(self.build.schema_name())
            .bind(FaultCause::Refused.to_string())
            .execute(&self.workshop.pool)
            .await?;
        Ok(())
    }

    /// What the present build leaves out may be left out here too.
    async fn tolerated(&self, ws: WorkspaceId) -> Result<Quarantine, RebuildError> {
        match self.workshop.active(self.build).await? {
            Some(active) => self.workshop.quarantine(&active, ws).await,
            None => Ok(Quarantine::default()),
        }
    }

    async fn reached(&self, before: u64) -> Result<Reached<'_>, RebuildError> {
        let (meter, claim, total) = (self.meter, self.claim, self.total().await?);
        Ok(Reached { meter, claim, before, total })
    }

    /// How many events are in it.
    async fn done(&self) -> Result<u64, RebuildError> {
        let mut done = 0;
        for ws in self.workshop.reader.workspaces().await? {
            done += self.workshop.standing(&self.build, ws).await?.position.0;
        }
        Ok(done)
    }

    /// How many events all logs hold.
    pub(super) async fn total(&self) -> Result<u64, RebuildError> {
        let mut connection = self.workshop.pool.acquire().await?;
        Ok(builds::log_size(&mut connection).await?)
    }
}

/// An error and its causes. The innermost of a damaged payload quotes it and is left out.
fn chain(error: &RebuildError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.downcast_ref::<serde_json::Error>().is_some() {
            break;
        }
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
