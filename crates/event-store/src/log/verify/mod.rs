//! Proving the log: every leaf, every commit hash, the chain, positions, versions, times, command and claim rows, the
//! workspace's own row; and that heads kept elsewhere lie in it.
//!
//! It reads in one snapshot, so that a log that grows meanwhile raises no false alarm, and in bounded memory: commits and
//! events a piece at a time, commands and claims over cursors that the database sorts.

mod chain;
mod commit;
mod event;
mod events;
mod report;
mod rows;
mod versions;
mod walk;

use decider::{LogPosition, WorkspaceId};
use sqlx::{Connection, PgConnection, PgPool, Row};

use super::error::{LogError, is_disk_full};
use events::Feed;
use walk::Walk;

pub(in crate::log) use chain::Chain;
pub(in crate::log) use commit::Rows;
pub(in crate::log) use event::EventRow;
pub use report::{Finding, KnownHead, VerifyReport};
pub(in crate::log) use rows::{ClaimRow, CommandRow, CommitRow, Cursor, commits};
pub use versions::STREAMS_MAX;

/// One snapshot for everything.
const BEGIN: &str = "begin isolation level repeatable read, read only";

/// What is verified, and against what.
#[derive(Clone, Copy, Debug)]
pub struct Verification<'a> {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Heads kept outside the database; each must lie in the log.
    pub heads: &'a [KnownHead],
    /// How many streams' versions are remembered at most, twice.
    pub streams_max: usize,
    /// How many connections read events beside the one that walks; with none, that one reads them.
    pub readers: usize,
}

/// Verifies a workspace's whole log, as it is when the walk begins.
///
/// `progress` is told the newest verified position after each step.
///
/// # Errors
/// When the database fails. Damage is no error: it is in the report.
pub async fn verify(
    pool: &PgPool,
    ws: WorkspaceId,
    progress: impl FnMut(LogPosition) + Send,
) -> Result<VerifyReport, LogError> {
    Verification::of(ws).run(pool, progress).await
}

/// The workspaces that have rows in the log, but none of their own.
///
/// # Errors
/// When the database fails.
pub async fn strangers(connection: &mut PgConnection) -> Result<Vec<WorkspaceId>, LogError> {
    let rows =
        sqlx::query(include_str!("../sql/verify_strangers.sql")).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(WorkspaceId(row.try_get(0)?))).collect()
}

impl<'a> Verification<'a> {
    /// Of a workspace, by itself.
    #[must_use]
    pub const fn of(ws: WorkspaceId) -> Self {
        Self { ws, heads: &[], streams_max: STREAMS_MAX, readers: 0 }
    }

    /// The same, and against heads that were kept outside the database.
    #[must_use]
    pub const fn against(self, heads: &'a [KnownHead]) -> Self {
        Self { heads, ..self }
    }

    /// The same, with events read and hashed over so many more connections: as fast as the processors allow.
    #[must_use]
    pub const fn beside(self, readers: usize) -> Self {
        Self { readers, ..self }
    }

    /// Verifies in a snapshot of its own. It holds one connection meanwhile, and those that read events.
    ///
    /// # Errors
    /// As [`verify`].
    pub async fn run(
        self,
        pool: &PgPool,
        progress: impl FnMut(LogPosition) + Send,
    ) -> Result<VerifyReport, LogError> {
        let mut connection = pool.acquire().await?;
        let mut snapshot = connection.begin_with(BEGIN).await?;
        let opened = Feed::open((pool, &mut snapshot), self.ws, self.readers).await;
        let (mut snapshot, feed) = match opened {
            Ok(feed) => (snapshot, feed),
            // A snapshot is shared by way of a file: on a full disk the walk reads alone.
            Err(LogError::Database(error)) if is_disk_full(&error) => {
                snapshot.rollback().await?;
                (connection.begin_with(BEGIN).await?, Feed::Own)
            }
            Err(error) => return Err(error),
        };
        let report = self.walk(&mut snapshot, feed, progress).await?;
        snapshot.rollback().await?;
        Ok(report)
    }

    /// Verifies what a transaction sees, over its connection alone.
    ///
    /// # Errors
    /// As [`verify`].
    pub async fn run_in(
        self,
        transaction: &mut PgConnection,
        progress: impl FnMut(LogPosition) + Send,
    ) -> Result<VerifyReport, LogError> {
        self.walk(transaction, Feed::Own, progress).await
    }

    async fn walk(
        self,
        transaction: &mut PgConnection,
        mut feed: Feed,
        mut progress: impl FnMut(LogPosition) + Send,
    ) -> Result<VerifyReport, LogError> {
        let mut walk = Walk::new(self);
        for declare in
            [include_str!("../sql/verify_commands.sql"), include_str!("../sql/verify_claims.sql")]
        {
            sqlx::query(declare).bind(self.ws.0).execute(&mut *transaction).await?;
        }
        walk.before_the_first(transaction).await?;
        while walk.step(transaction, &mut feed).await? {
            progress(walk.report.head);
        }
        feed.close().await;
        walk.behind_the_last(transaction).await?;
        walk.report.findings.sort_by_key(|finding| finding.commit);
        for close in ["close commands_in_order", "close claims_in_order"] {
            sqlx::query(close).persistent(false).execute(&mut *transaction).await?;
        }
        Ok(walk.report)
    }
}
