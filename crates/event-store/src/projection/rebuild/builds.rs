//! The table of builds: which schemas hold a view, what each is for, and how far it is.

use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, PgPool, Row};
use tokio::time::timeout;

use super::ddl;
use super::error::RebuildError;
use super::keys;
use crate::projection::checkpoint::{signed, unsigned};
use crate::projection::fold::ProjectionType;
use crate::projection::table_sql::quoted;

/// How long one connection may take to list the builds, and how many are asked: those that died without a word lie in the pool
/// until they are used.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
const TRIES_MAX: u32 = 4;

/// What a build of a view is for, or how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BuildState {
    /// Its tables are made; nothing is in them.
    Planned,
    /// The log is folded into its tables, which have no indexes yet and keys only where a row was looked for.
    Copying,
    /// The indexes are made.
    Indexing,
    /// What came to the log meanwhile is folded.
    CatchingUp,
    /// Its rows are compared with those that readers see.
    Verifying,
    /// It is complete and kept up to date; readers may be switched to it.
    Ready,
    /// Readers see it.
    Active,
    /// It is only made to compare another build with it.
    Checking,
    /// Somebody gave it up; its tables are about to be dropped.
    Aborting,
    /// Its tables are gone.
    Retired,
}

impl BuildState {
    const ALL: [Self; 10] = [
        Self::Planned,
        Self::Copying,
        Self::Indexing,
        Self::CatchingUp,
        Self::Verifying,
        Self::Ready,
        Self::Active,
        Self::Checking,
        Self::Aborting,
        Self::Retired,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Copying => "copying",
            Self::Indexing => "indexing",
            Self::CatchingUp => "catching_up",
            Self::Verifying => "verifying",
            Self::Ready => "ready",
            Self::Active => "active",
            Self::Checking => "checking",
            Self::Aborting => "aborting",
            Self::Retired => "retired",
        }
    }

    /// Whether it is being built.
    #[must_use]
    pub const fn is_building(self) -> bool {
        matches!(
            self,
            Self::Planned | Self::Copying | Self::Indexing | Self::CatchingUp | Self::Verifying
        )
    }

    /// Whether every node keeps it up to date.
    #[must_use]
    pub const fn is_followed(self) -> bool {
        matches!(self, Self::Ready | Self::Active)
    }
}

/// One build of a view.
#[derive(Clone, Debug)]
pub struct Build {
    /// The view.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// Which build of that version.
    pub build: u32,
    /// Where its tables are.
    pub schema: String,
    /// What it is for, or how far it is.
    pub state: BuildState,
    /// How many events of all logs it has folded, while it is built.
    pub events_done: u64,
    /// How many there were when that was last written.
    pub events_total: u64,
    /// How many it folds in a second, while it is built.
    pub events_per_second: f64,
    /// What stopped it, or what comparing it found.
    pub problem: Option<String>,
    /// What the newest comparison with the log found, as JSON.
    pub verified: Option<String>,
    /// When that was, in seconds since 1970.
    pub verified_at: Option<i64>,
    /// When readers were led elsewhere, in seconds since 1970.
    pub replaced_at: Option<i64>,
    /// How many seconds ago that was.
    pub replaced_for: Option<u64>,
}

impl Build {
    /// Whether it is a build of this very code.
    #[must_use]
    pub fn is_of(&self, projection: &ProjectionType) -> bool {
        self.name == projection.name && self.version == projection.version
    }

    /// How many seconds are left, while it is built.
    #[must_use]
    pub fn seconds_left(&self) -> Option<u64> {
        let left = self.events_total.saturating_sub(self.events_done);
        (self.state.is_building() && self.events_per_second > 0.0)
            .then(|| (left as f64 / self.events_per_second).ceil() as u64)
    }

    fn read(row: &PgRow) -> Result<Self, sqlx::Error> {
        let number = |name| row.try_get::<i32, _>(name).map(|number| number.unsigned_abs());
        let state: &str = row.try_get("state")?;
        let known = BuildState::ALL.into_iter().find(|known| known.as_str() == state);
        Ok(Self {
            name: row.try_get("name")?,
            version: number("version")?,
            build: number("build")?,
            schema: row.try_get("schema_name")?,
            state: known
                .ok_or_else(|| sqlx::Error::Decode(format!("no build can be {state}").into()))?,
            events_done: unsigned(row.try_get("events_done")?),
            events_total: unsigned(row.try_get("events_total")?),
            events_per_second: row.try_get("events_per_second")?,
            problem: row.try_get("problem")?,
            verified: row.try_get("verified")?,
            verified_at: row.try_get("verified_at")?,
            replaced_at: row.try_get("replaced_at")?,
            replaced_for: row.try_get::<Option<i64>, _>("replaced_for")?.map(unsigned),
        })
    }
}

/// Every build that has tables, of all views and versions.
///
/// # Errors
/// When the database fails.
pub async fn builds(pool: &PgPool) -> Result<Vec<Build>, sqlx::Error> {
    let mut failed = sqlx::Error::PoolTimedOut;
    for _ in 0..TRIES_MAX {
        let asked = sqlx::query(include_str!("../sql/build_all.sql")).fetch_all(pool);
        match timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(rows)) => return rows.iter().map(Build::read).collect(),
            Ok(Err(error @ sqlx::Error::PoolTimedOut)) => return Err(error),
            Ok(Err(error)) => failed = error,
            Err(_) => failed = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
        }
    }
    Err(failed)
}

/// The same on a connection.
pub(crate) async fn builds_on(connection: &mut PgConnection) -> Result<Vec<Build>, sqlx::Error> {
    let rows = sqlx::query(include_str!("../sql/build_all.sql")).fetch_all(connection).await?;
    rows.iter().map(Build::read).collect()
}

/// One at a time may make or switch builds, until the end of the transaction.
pub(crate) async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("../sql/build_lock.sql")).execute(connection).await.map(drop)
}

/// Makes the next build of a version: its row, its schema and its tables.
pub(crate) async fn create(
    connection: &mut PgConnection,
    projection: ProjectionType,
    state: BuildState,
) -> Result<ProjectionType, sqlx::Error> {
    let newest = sqlx::query(include_str!("../sql/build_newest.sql"))
        .bind(projection.name)
        .bind(version_of(&projection))
        .fetch_one(&mut *connection)
        .await?;
    let newest: i32 = newest.try_get("build")?;
    let next = projection.at_build(newest.unsigned_abs() + 1);
    let schema = quoted(&next.schema_name());
    let mut sql = format!("create schema {schema}; set local search_path to {schema};");
    let ddl = ddl::sorted(projection.schema_sql);
    // Who is read from the start has its keys and indexes from the start.
    let (indexes, before_filling) = match state {
        BuildState::Active => (ddl.indexes, String::new()),
        _ => (Vec::new(), keys::before_filling(&next)),
    };
    for statement in ddl.tables.iter().chain(&indexes) {
        sql.push_str(statement);
        sql.push(';');
    }
    sql.push_str(&before_filling);
    sql.push_str("set local search_path to default");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await?;
    sqlx::query(include_str!("../sql/build_insert.sql"))
        .bind(next.name)
        .bind(version_of(&next))
        .bind(number(next.build))
        .bind(next.schema_name())
        .bind(state.as_str())
        .execute(connection)
        .await?;
    Ok(next)
}

/// Moves a build from one state to the next; answers false when somebody else moved it.
pub(super) async fn move_on(
    connection: &mut PgConnection,
    projection: &ProjectionType,
    (from, to): (BuildState, BuildState),
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(include_str!("../sql/build_move.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .bind(number(projection.build))
        .bind(from.as_str())
        .bind(to.as_str())
        .execute(connection)
        .await?;
    Ok(moved.rows_affected() == 1)
}

/// How far a build is.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Far {
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) per_second: f64,
}

/// Writes how far a build is, and what stopped it; answers false when it is in another state by now.
pub(super) async fn progress(
    pool: &PgPool,
    projection: &ProjectionType,
    state: BuildState,
    (far, problem): (Far, Option<&str>),
) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(include_str!("../sql/build_progress.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .bind(number(projection.build))
        .bind(state.as_str())
        .bind(signed(far.done))
        .bind(signed(far.total))
        .bind(far.per_second)
        .bind(problem)
        .execute(pool)
        .await?;
    Ok(written.rows_affected() == 1)
}

/// Remembers what a comparison with the log found.
pub(super) async fn verified(
    pool: &PgPool,
    projection: &ProjectionType,
    found: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("../sql/build_verified.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .bind(number(projection.build))
        .bind(found)
        .execute(pool)
        .await
        .map(drop)
}

/// Leads readers to a ready build of this version; the one they saw until now is kept up to date for a way back.
pub(crate) async fn activate(
    connection: &mut PgConnection,
    projection: &ProjectionType,
) -> Result<bool, sqlx::Error> {
    sqlx::query(include_str!("../sql/build_replace.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .bind(number(projection.build))
        .execute(&mut *connection)
        .await?;
    let activated = sqlx::query(include_str!("../sql/build_activate.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .bind(number(projection.build))
        .execute(connection)
        .await?;
    Ok(activated.rows_affected() == 1)
}

/// The builds of older versions are not read by this program any more.
pub(crate) async fn replace_older(
    connection: &mut PgConnection,
    projection: &ProjectionType,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("../sql/build_replace_older.sql"))
        .bind(projection.name)
        .bind(version_of(projection))
        .execute(connection)
        .await
        .map(drop)
}

/// Gives a build up: whoever works on it stops at its next step.
pub(super) async fn give_up(pool: &PgPool, build: &Build) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("../sql/build_abort.sql"))
        .bind(&build.name)
        .bind(number(build.version))
        .bind(number(build.build))
        .execute(pool)
        .await
        .map(drop)
}

/// Drops the tables of a build that nobody works on or reads.
pub(super) async fn drop_tables(pool: &PgPool, build: &Build) -> Result<(), RebuildError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
    // A reader that was led elsewhere long ago may still be at its statement.
    let drop = format!(
        "set local lock_timeout = '20s'; drop schema if exists {} cascade",
        quoted(&build.schema)
    );
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *transaction).await?;
    for sql in [
        include_str!("../sql/build_forget_checkpoints.sql"),
        include_str!("../sql/build_forget_quarantine.sql"),
    ] {
        sqlx::query(sql).bind(&build.schema).execute(&mut *transaction).await?;
    }
    sqlx::query(include_str!("../sql/build_retired.sql"))
        .bind(&build.name)
        .bind(number(build.version))
        .bind(number(build.build))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

/// How many events all logs hold together.
pub(crate) async fn log_size(connection: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query(include_str!("../sql/log_size.sql")).fetch_one(connection).await?;
    Ok(unsigned(row.try_get("events")?))
}

fn version_of(projection: &ProjectionType) -> i32 {
    number(projection.version)
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
