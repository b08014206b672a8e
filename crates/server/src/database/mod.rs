//! The database: private or given, made and migrated when needed, and the connections of the application.

mod place;
mod pools;
mod prepare;
mod private;
mod search_path;
mod watch;

use sqlx::postgres::PgConnectOptions;

pub use place::Place;
pub use pools::{CONNECTIONS_MIN, PoolSizes, Pools};
pub(crate) use pools::{oldest_snapshot, take_role};
pub use prepare::{MAJOR_MIN, MIGRATIONS};
pub use search_path::SearchPath;

use crate::config::Config;

/// The role the application works as.
pub const APP_ROLE: &str = "ledgerdesk_app";

/// How long connections may take to be given back.
const CLOSE_WITHIN: std::time::Duration = std::time::Duration::from_secs(1);

/// What the caller is to the data folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Starter {
    /// The server: the only one of its data folder, and owner of the private Postgres.
    Server,
    /// A command: works beside a running server, or starts the private Postgres for itself.
    Command,
    /// A command that takes a workspace in: no server may run on the data folder meanwhile, and a database without a workspace
    /// gets none but that one.
    Taker,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// Another server runs on this data folder.
    #[error(
        "another `ledgerdesk serve` uses the data folder {data}; stop it first, or give this one another --data. \
         Several servers on one database need DATABASE_URL"
    )]
    FolderTaken {
        /// The data folder.
        data: String,
    },
    /// A command holds the private Postgres.
    #[error(
        "another ledgerdesk command has used the data folder {data} for {seconds} s; start the server when it has ended"
    )]
    CommandRuns {
        /// The data folder.
        data: String,
        /// How long was waited.
        seconds: u64,
    },
    /// The private Postgres could not be started.
    #[error("the private Postgres could not be used")]
    Private(#[source] Box<local_postgres::Error>),
    /// A file beside the private Postgres could not be used.
    #[error("the data folder {data} cannot be used")]
    Folder {
        /// The data folder.
        data: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A background thread ended early.
    #[error("the program is stopping")]
    Stopping,
    /// The given URL is not one. (It may hold a password, so it is not told.)
    #[error("the database URL cannot be used")]
    Url(#[source] sqlx::Error),
    /// The server cannot be reached or refuses.
    #[error("the database {database} cannot be reached")]
    Connect {
        /// Its name and where it is.
        database: String,
        /// Why not.
        #[source]
        source: sqlx::Error,
    },
    /// The server is too old.
    #[error("Postgres {version} is too old: 15 or newer is needed")]
    TooOld {
        /// Its version.
        version: String,
    },
    /// A statement failed.
    #[error("the database could not be prepared")]
    Prepare(#[source] sqlx::Error),
    /// A migration failed.
    #[error("the database could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

/// A database that is ready to use.
pub struct Database {
    /// Connections for the application.
    pub pools: Pools,
    /// The workspaces it holds, oldest first; at least one, unless one is about to be taken in.
    pub workspaces: Vec<decider::WorkspaceId>,
    place: Place,
}

impl Database {
    /// Finds or starts the database, makes it when it is missing, brings it up to date, and connects.
    ///
    /// # Errors
    /// See [`DatabaseError`].
    pub async fn open(
        config: &Config,
        starter: Starter,
        sizes: PoolSizes,
    ) -> Result<Self, DatabaseError> {
        let place = Place::open(config, starter).await?;
        match Self::in_place(&place, starter, sizes).await {
            Ok((pools, workspaces)) => Ok(Self { pools, workspaces, place }),
            Err(error) => {
                place.stop().await;
                Err(error)
            }
        }
    }

    async fn in_place(
        place: &Place,
        starter: Starter,
        sizes: PoolSizes,
    ) -> Result<(Pools, Vec<decider::WorkspaceId>), DatabaseError> {
        let workspaces = prepare::prepare(place.owner(), starter).await?;
        let application = place.application(APP_ROLE).await?;
        Ok((Pools::open(&application, sizes), workspaces))
    }

    /// How the owner connects.
    #[must_use]
    pub fn owner(&self) -> &PgConnectOptions {
        self.place.owner()
    }

    /// Gives the connections back, and stops the private Postgres if this process started it.
    pub async fn stop(self) {
        if tokio::time::timeout(CLOSE_WITHIN, self.pools.close()).await.is_err() {
            tracing::debug!("some connections were cut off");
        }
        self.place.stop().await;
    }
}
