//! Proving the log: every leaf, every commit hash, the chain, positions, versions, times, command and claim rows, the
//! workspace's own row; and that heads kept elsewhere lie in it.
//!
//! It reads in one snapshot, so that a log that grows meanwhile raises no false alarm, and in bounded memory: commits and
//! events a piece at a time, commands and claims over cursors that the database sorts.

mod commit;
mod report;
mod rows;
mod versions;

use decider::{LogPosition, WorkspaceId};
use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection, PgPool, Row};

use super::error::LogError;
use super::leaf::{ZERO_HASH, workspace_seal};
use super::reader::signed;
use super::time::PgInstant;
use commit::{Judge, Open, Rows, Standing};
use report::hex;
use rows::{ClaimRow, CommandRow, CommitRow, Cursor, EventRow};
use versions::Versions;

pub use report::{Finding, KnownHead, ParseHeadError, VerifyReport};
pub use versions::STREAMS_MAX;

/// How many commits are read at once.
const COMMITS_PER_STEP: i64 = 500;
/// How many events are read with one statement, unless a single commit has more.
const EVENTS_PER_STEP: i64 = 8_192;
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
        Self { ws, heads: &[], streams_max: STREAMS_MAX }
    }

    /// The same, and against heads that were kept outside the database.
    #[must_use]
    pub const fn against(self, heads: &'a [KnownHead]) -> Self {
        Self { heads, ..self }
    }

    /// Verifies in a snapshot of its own. It holds one connection meanwhile.
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
        let report = self.run_in(&mut snapshot, progress).await?;
        snapshot.rollback().await?;
        Ok(report)
    }

    /// Verifies what a transaction sees.
    ///
    /// # Errors
    /// As [`verify`].
    pub async fn run_in(
        self,
        transaction: &mut PgConnection,
        mut progress: impl FnMut(LogPosition) + Send,
    ) -> Result<VerifyReport, LogError> {
        let mut walk = Walk {
            asked: self,
            before: Standing { hash: ZERO_HASH.to_vec(), ..Standing::default() },
            versions: Versions::new(self.streams_max),
            commands: Cursor::new(),
            claims: Cursor::new(),
            report: VerifyReport::default(),
        };
        for declare in
            [include_str!("../sql/verify_commands.sql"), include_str!("../sql/verify_claims.sql")]
        {
            sqlx::query(declare).bind(self.ws.0).execute(&mut *transaction).await?;
        }
        walk.before_the_first(transaction).await?;
        while walk.step(transaction).await? {
            progress(walk.report.head);
        }
        walk.behind_the_last(transaction).await?;
        walk.report.findings.sort_by_key(|finding| finding.commit);
        for close in ["close verify_commands", "close verify_claims"] {
            sqlx::query(close).persistent(false).execute(&mut *transaction).await?;
        }
        Ok(walk.report)
    }
}

/// A verification under way.
struct Walk<'a> {
    asked: Verification<'a>,
    before: Standing,
    versions: Versions,
    commands: Cursor<CommandRow>,
    claims: Cursor<ClaimRow>,
    report: VerifyReport,
}

impl Walk<'_> {
    async fn step(&mut self, connection: &mut PgConnection) -> Result<bool, LogError> {
        let after = self.before.no;
        let commits = rows::commits(connection, self.asked.ws, after, COMMITS_PER_STEP).await?;
        let some = !commits.is_empty();
        let mut group = Vec::new();
        let mut events = 0;
        for commit in commits {
            let count = if commit::is_sane(&commit) { commit.count() } else { 0 };
            if events > 0 && events + count > EVENTS_PER_STEP {
                self.group(connection, std::mem::take(&mut group)).await?;
                events = 0;
            }
            events += count;
            let rows = self.rows_of(connection, commit).await?;
            group.push(rows);
        }
        self.group(connection, group).await?;
        Ok(some)
    }

    /// The command and claim rows of a commit. What comes before it belongs to a commit that is not there.
    async fn rows_of(
        &mut self,
        connection: &mut PgConnection,
        commit: CommitRow,
    ) -> Result<Rows, LogError> {
        let (mut commands, mut claims) = (Vec::new(), Vec::new());
        while let Some(row) = self.commands.up_to(connection, commit.no).await? {
            if row.no == commit.no {
                commands.push(row);
            } else {
                self.report.found(row.no, None, "a command row that belongs to no commit");
            }
        }
        while let Some(row) = self.claims.up_to(connection, commit.no).await? {
            if row.no == commit.no {
                claims.push(row);
            } else {
                self.report.found(row.no, None, "a claim row that belongs to no commit");
            }
        }
        Ok(Rows { commit, commands, claims })
    }

    /// Commits whose events come with one statement.
    async fn group(
        &mut self,
        connection: &mut PgConnection,
        group: Vec<Rows>,
    ) -> Result<(), LogError> {
        let sane = || group.iter().filter(|rows| rows.is_sane()).map(|rows| &rows.commit);
        let first = sane().map(|commit| commit.first_pos).min().unwrap_or(1);
        let last = sane().map(|commit| commit.last_pos).max().unwrap_or(0);
        let mut events = sqlx::query(include_str!("../sql/verify_events.sql"))
            .bind(self.asked.ws.0)
            .bind(first)
            .bind(last)
            .fetch(&mut *connection);
        let mut event = events.try_next().await?;
        for rows in group {
            let mut judge =
                Judge { ws: self.asked.ws, versions: &mut self.versions, report: &mut self.report };
            let mut open = Open::begin(rows, &self.before, &mut judge);
            while let Some(row) = &event {
                let read = EventRow::of(row)?;
                if !open.holds(&read) {
                    break;
                }
                open.event(&read, &mut judge)?;
                event = events.try_next().await?;
            }
            self.before = open.end(&self.before, &mut judge);
            self.report.head = LogPosition(u64::try_from(self.before.position).unwrap_or(0));
            self.compare_heads();
        }
        drop(event);
        drop(events);
        for (commit, position) in self.versions.prove(connection, self.asked.ws).await? {
            let what = "its version does not follow the one before in its stream";
            self.report.found(commit, Some(position), what);
        }
        Ok(())
    }

    /// The heads kept elsewhere that name the commit just read.
    fn compare_heads(&mut self) {
        let here = |head: &&KnownHead| signed(head.commit) == self.before.no;
        for head in self.asked.heads.iter().filter(here) {
            self.report.heads_compared += 1;
            if head.hash[..] != self.before.hash[..] {
                let what = "a head kept elsewhere has another hash: the log was written anew up to here, or rewound";
                self.report.found(self.before.no, None, what);
            }
        }
    }

    /// The workspace's own row.
    async fn before_the_first(&mut self, connection: &mut PgConnection) -> Result<(), LogError> {
        let ws = self.asked.ws;
        let row = sqlx::query(include_str!("../sql/verify_workspace.sql"))
            .bind(ws.0)
            .fetch_all(connection)
            .await?;
        let [row] = row.as_slice() else {
            let what = if row.is_empty() {
                "the workspace's own row is missing"
            } else {
                "the workspace's own row is there twice"
            };
            self.report.found(0, None, what);
            return Ok(());
        };
        let instant = |index| -> Result<Option<i64>, LogError> {
            let instant = row.try_get::<Option<PgInstant>, _>(index)?;
            Ok(instant.map(|instant| instant.0.as_micros()))
        };
        let (made_at, closed_at) = (instant(0)?.unwrap_or_default(), instant(1)?);
        let seal: Option<&[u8]> = row.try_get(2)?;
        if seal != Some(&workspace_seal(ws, made_at, closed_at)[..]) {
            self.report.found(0, None, "the workspace's own row was changed");
        }
        if instant(3)?.is_some_and(|first| first < made_at) {
            self.report.found(0, None, "the workspace was made after its first commit");
        }
        if closed_at.is_some_and(|closed| instant(4).ok().flatten() > Some(closed)) {
            self.report.found(0, None, "the workspace was closed before its last commit");
        }
        Ok(())
    }

    /// What is left belongs to no commit; and what was expected is not there.
    async fn behind_the_last(&mut self, connection: &mut PgConnection) -> Result<(), LogError> {
        let last = self.before.no;
        while let Some(row) = self.commands.up_to(connection, i64::MAX).await? {
            self.report.found(row.no, None, "a command row that belongs to no commit");
        }
        while let Some(row) = self.claims.up_to(connection, i64::MAX).await? {
            self.report.found(row.no, None, "a claim row that belongs to no commit");
        }
        let row = sqlx::query(include_str!("../sql/verify_ends.sql"))
            .bind(self.asked.ws.0)
            .bind(self.before.position)
            .fetch_one(connection)
            .await?;
        let (below, behind): (Option<i64>, Option<i64>) = (row.try_get(0)?, row.try_get(1)?);
        for (commit, position) in [(0, below), (last, behind)] {
            if position.is_some() {
                self.report.found(commit, position, "an event that belongs to no commit");
            }
        }
        let counts: [i64; 2] = [row.try_get(2)?, row.try_get(3)?];
        let walked = [self.report.events, self.report.commits];
        if self.report.findings.is_empty() && counts.map(i64::unsigned_abs) != walked {
            self.report.found(last, None, "there are rows outside the order of the log");
        }
        for head in self.asked.heads.iter().filter(|head| signed(head.commit) > last) {
            self.report.heads_compared += 1;
            let what = "the log ends here, before a head kept elsewhere: its end was cut off, or it was rewound";
            self.report.found(last, None, what);
            tracing::debug!(head = head.commit, "a head beyond the end");
        }
        self.report.head_commit = u64::try_from(last).unwrap_or(0);
        self.report.head_hash = hex(&self.before.hash);
        Ok(())
    }
}
