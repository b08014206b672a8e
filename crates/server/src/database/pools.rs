//! The application's connections, apart by what they are for: readers cannot starve writers, nor projectors either.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::search_path::SearchPath;

/// How long a caller waits for a free connection before it is told to come again.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections are renewed now and then, so that nothing a server process hoards stays for ever.
const LIFETIME_MAX: Duration = Duration::from_secs(3600);
const IDLE_MAX: Duration = Duration::from_secs(300);
/// Rarely used connections are asked whether they still live after lying idle for so long.
const TRUSTED_FOR: Duration = Duration::from_secs(30);

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
}

impl PoolSizes {
    /// For a server.
    pub const SERVER: Self = Self { append: 4, read: 12, project: 6, ops: 8 };
    /// For one command.
    pub const COMMAND: Self = Self { append: 2, read: 4, project: 1, ops: 3 };
    /// For one of many services on one Postgres, in tests.
    pub const TEST: Self = Self { append: 2, read: 6, project: 4, ops: 4 };
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
    /// Where readers look for the tables of the views.
    pub search_path: SearchPath,
}

impl Pools {
    /// Makes the pools; they connect when they are used.
    pub fn open(application: &Application, sizes: PoolSizes) -> Self {
        let search_path = SearchPath::default();
        let pool =
            |size| options(application.role, size).connect_lazy_with(application.options.clone());
        let read = search_path.followed_by(options(application.role, sizes.read), application.role);
        Self {
            append: pool(sizes.append),
            read: read.connect_lazy_with(application.options.clone()),
            project: pool(sizes.project),
            ops: pool(sizes.ops),
            search_path,
        }
    }

    /// Gives all connections back.
    pub async fn close(&self) {
        for pool in [&self.append, &self.project, &self.read, &self.ops] {
            pool.close().await;
        }
    }
}

fn options(role: Option<&'static str>, size: u32) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .max_lifetime(LIFETIME_MAX)
        .idle_timeout(IDLE_MAX)
        // A ping before each use would double the round trips of the hot paths.
        .test_before_acquire(false)
        .before_acquire(|connection, about| Box::pin(alive(connection, about.idle_for)))
        .after_connect(move |connection, _| Box::pin(begin_session(connection, role)))
}

/// Asks a connection that has long been idle whether it still lives.
pub(super) async fn alive(
    connection: &mut sqlx::PgConnection,
    idle_for: Duration,
) -> Result<bool, sqlx::Error> {
    if idle_for >= TRUSTED_FOR {
        sqlx::Connection::ping(connection).await?;
    }
    Ok(true)
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
