//! The application's connections, apart by what they are for: readers cannot starve writers, nor projectors either.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row};

use super::search_path::SearchPath;

/// How long a caller waits for a free connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections are renewed now and then, so that nothing a server process hoards stays for ever.
const LIFETIME_MAX: Duration = Duration::from_secs(3600);
const IDLE_MAX: Duration = Duration::from_secs(300);
/// A transaction of a node that hangs or is paused must not hold its locks for ever.
const TRANSACTION_IDLE_MAX_MS: u64 = 10_000;
/// How long a connection that is given back may take to answer what it was asked.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// Rarely used connections are asked whether they still live after lying idle for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

/// When a connection was last found broken: others that have been idle since before are asked before they are used, so that a
/// crash of Postgres costs the requests that it met and none after them. Cheap to clone; one for all pools.
#[derive(Clone, Default)]
pub(super) struct Trust {
    broken_at: Arc<Mutex<Option<Instant>>>,
}

impl Trust {
    fn lost(&self) {
        *self.lock() = Some(Instant::now());
    }

    /// Whether a connection that has been idle for so long may be used unasked.
    pub(super) fn covers(&self, idle_for: Duration) -> bool {
        idle_for < TRUSTED_FOR
            && self.lock().is_none_or(|broken_at| idle_for <= broken_at.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        // Nothing panics while holding the lock.
        self.broken_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the application connects.
pub struct Application {
    /// Where and as whom.
    pub options: PgConnectOptions,
    /// The role to work as, when that is not the user's own.
    pub role: Option<&'static str>,
}

/// How many connections each pool holds at most.
#[derive(Clone, Copy, Debug)]
pub struct PoolSizes {
    /// For appending.
    pub append: u32,
    /// For reading.
    pub read: u32,
    /// For the projectors.
    pub project: u32,
    /// For operational state and keys.
    pub ops: u32,
    /// For building views anew and looking after them.
    pub build: u32,
}

/// What a server holds beside its pools: two ways to append, the leases of its views and of its builds, the claim of a build,
/// telling and hearing of commits.
const BESIDE: u32 = 7;
/// With fewer connections a server cannot work.
pub const CONNECTIONS_MIN: u32 = 14;

impl PoolSizes {
    /// For a server that may hold so many connections, everything counted.
    #[must_use]
    pub fn within(connections: Option<u32>) -> Self {
        let all = Self::SERVER;
        let wanted = all.append + all.read + all.project + all.ops;
        // A build cannot do with less, and holds none while nothing is built.
        let build = all.build;
        let given = connections.unwrap_or(u32::MAX).max(CONNECTIONS_MIN) - BESIDE - build;
        if given >= wanted {
            return all;
        }
        let share = |size: u32| (size * given / wanted).max(1);
        let (append, project, ops) = (share(all.append), share(all.project), share(all.ops));
        Self { append, project, ops, build, read: given - append - project - ops }
    }

    /// For a server.
    pub const SERVER: Self = Self { append: 4, read: 12, project: 6, ops: 8, build: 3 };
    /// For one command.
    pub const COMMAND: Self = Self { append: 2, read: 4, project: 1, ops: 3, build: 3 };
    /// For one of many services on one Postgres, in tests.
    pub const TEST: Self = Self { append: 2, read: 6, project: 4, ops: 4, build: 3 };
}

/// The application's connections.
#[derive(Clone)]
pub struct Pools {
    /// For appending alone.
    pub append: PgPool,
    /// For reading the log and the views.
    pub read: PgPool,
    /// For the projectors alone.
    pub project: PgPool,
    /// For operational state and keys.
    pub ops: PgPool,
    /// For building views anew and looking after them: slow statements, and never many.
    pub build: PgPool,
    /// Where readers look for the tables of the views.
    pub search_path: SearchPath,
}

impl Pools {
    /// Makes the pools; they connect when they are used.
    pub fn open(application: &Application, sizes: PoolSizes) -> Self {
        let search_path = SearchPath::default();
        let settings =
            [("idle_in_transaction_session_timeout", TRANSACTION_IDLE_MAX_MS.to_string())];
        let target = application.options.clone().options(settings);
        let trust = Trust::default();
        let options = |size| options(application.role, size, &trust);
        let pool = |size| options(size).connect_lazy_with(target.clone());
        let read = search_path.followed_by(options(sizes.read), application.role, trust.clone());
        Self {
            append: pool(sizes.append),
            read: read.connect_lazy_with(target.clone()),
            project: pool(sizes.project),
            ops: pool(sizes.ops),
            build: pool(sizes.build),
            search_path,
        }
    }

    /// Gives all connections back.
    pub async fn close(&self) {
        for pool in [&self.append, &self.project, &self.read, &self.ops, &self.build] {
            pool.close().await;
        }
    }
}

fn options(role: Option<&'static str>, size: u32, trust: &Trust) -> PgPoolOptions {
    let (before, after) = (trust.clone(), trust.clone());
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(LIFETIME_MAX)
        .idle_timeout(IDLE_MAX)
        // A ping before each use would double the round trips of the hot paths.
        .test_before_acquire(false)
        .before_acquire(move |connection, about| {
            let trusted = before.covers(about.idle_for);
            Box::pin(alive(connection, trusted))
        })
        // The pool waits for what a given-up statement has still to answer, and without a bound it would do so for ever.
        .after_release(move |connection, _| {
            let trust = after.clone();
            Box::pin(async move { answers(connection).await.inspect_err(|_| trust.lost()) })
        })
        .after_connect(move |connection, _| Box::pin(begin_session(connection, role)))
}

/// Asks a connection that is not trusted whether it still lives.
pub(super) async fn alive(
    connection: &mut sqlx::PgConnection,
    trusted: bool,
) -> Result<bool, sqlx::Error> {
    if !trusted {
        sqlx::Connection::ping(connection).await?;
    }
    Ok(true)
}

/// Waits until a connection has answered everything it was asked; one that does not is given up, and its place is free again.
pub(super) async fn answers(connection: &mut sqlx::PgConnection) -> Result<bool, sqlx::Error> {
    match tokio::time::timeout(ANSWER_WITHIN, sqlx::Connection::ping(connection)).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// How many seconds ago the oldest transaction began that looks at an old state of the database.
///
/// # Errors
/// When the database fails.
pub async fn oldest_snapshot(pool: &PgPool) -> Result<f64, sqlx::Error> {
    sqlx::query(include_str!("sql/oldest_snapshot.sql")).fetch_one(pool).await?.try_get("seconds")
}

/// Works as the application's role, and by its indexes.
pub(super) async fn begin_session(
    connection: &mut sqlx::PgConnection,
    role: Option<&'static str>,
) -> Result<(), sqlx::Error> {
    if let Some(role) = role {
        take_role(connection, role).await?;
    }
    sqlx::query(include_str!("sql/set_look_up.sql")).execute(connection).await.map(drop)
}

/// Works as a role from now on.
pub(crate) async fn take_role(
    connection: &mut sqlx::PgConnection,
    role: &'static str,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("sql/set_role.sql")).bind(role).execute(connection).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_one_is_found_broken_those_that_were_idle_then_are_asked_and_others_are_not() {
        let trust = Trust::default();
        assert!(trust.covers(Duration::from_secs(1)));
        assert!(!trust.covers(TRUSTED_FOR), "whoever was idle for long is asked in any case");
        trust.lost();
        assert!(!trust.covers(Duration::from_secs(1)), "idle since before");
        assert!(trust.covers(Duration::ZERO), "given back since");
    }

    #[test]
    fn however_few_connections_there_are_each_pool_has_one_and_together_they_keep_to_it() {
        for connections in CONNECTIONS_MIN..60 {
            let sizes = PoolSizes::within(Some(connections));
            let PoolSizes { append, read, project, ops, build } = sizes;
            assert!([append, read, project, ops].iter().all(|size| *size > 0), "{sizes:?}");
            assert!(append + read + project + ops + build + BESIDE <= connections, "{sizes:?}");
            assert!(read >= project && read >= append && build >= 2, "{sizes:?}");
        }
        assert_eq!(PoolSizes::within(None).read, PoolSizes::SERVER.read);
    }
}
