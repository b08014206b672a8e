//! The whole service but for its door: database, keys, command handler, operational state, objects.

use std::sync::Arc;

use decider::{Actor, Command, CommandId, EventContext, Timestamp, WorkspaceId};
use erasure::Erasing;
use event_store::handler::{Accepted, CommandHandler, HandleError, HandlerSettings, Request};
use event_store::log::{LogReader, RecentCommits, notify};
use ops::Ops;
use vault::{SealedObjects, Vault, VaultError};

use crate::config::Config;
use crate::database::{Database, DatabaseError, PoolSizes, Pools, Starter};

/// Why the service cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// There is no database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The key file or the object store cannot be used.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// A command of the start was not accepted.
    #[error("the workspace could not be set up")]
    Setup(#[source] HandleError),
    /// Operational state cannot be read or written.
    #[error(transparent)]
    Ops(#[from] ops::OpsError),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[source] event_store::log::LogError),
    /// The views' tables cannot be made.
    #[error("the tables of the views could not be made")]
    Views(#[source] sqlx::Error),
    /// The workspace asked for does not exist.
    #[error("there is no workspace {asked}; there are: {known}")]
    NoSuchWorkspace {
        /// The one asked for.
        asked: uuid::Uuid,
        /// Those that exist.
        known: String,
    },
    /// There are several, and none was named.
    #[error("there are several workspaces, name one with --workspace: {known}")]
    WhichWorkspace {
        /// Those that exist.
        known: String,
    },
}

/// The whole service but for its door.
pub struct Service {
    /// What it was told.
    pub config: Config,
    /// The application's connections.
    pub pools: Pools,
    /// Keys.
    pub vault: Vault,
    /// Sealed objects.
    pub objects: SealedObjects,
    /// Operational state.
    pub ops: Ops,
    /// Accepts commands.
    pub handler: CommandHandler,
    /// Reads the log.
    pub reader: LogReader,
    /// Every workspace, oldest first.
    pub workspaces: Vec<WorkspaceId>,
    database: Database,
}

impl Service {
    /// Opens everything, starting and making what is missing. It can then read the log and accept commands; the views and the
    /// HTTP layer are started apart.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn open(
        config: Config,
        starter: Starter,
        sizes: PoolSizes,
    ) -> Result<Self, ServiceError> {
        let database = Database::open(&config, starter, sizes).await?;
        let pools = database.pools.clone();
        match Parts::open(&config, &pools).await {
            Ok(Parts { vault, objects, handler }) => Ok(Self {
                ops: Ops::new(pools.ops.clone(), vault.clone()),
                reader: handler.reader().clone(),
                workspaces: database.workspaces.clone(),
                config,
                pools,
                vault,
                objects,
                handler,
                database,
            }),
            Err(error) => {
                database.stop().await;
                Err(error.into())
            }
        }
    }

    /// The workspace a command is about: the one that was named, or the only one.
    ///
    /// # Errors
    /// When it does not exist, or none was named and there are several.
    pub fn workspace(&self) -> Result<WorkspaceId, ServiceError> {
        let known = || {
            let ids: Vec<_> = self.workspaces.iter().map(|ws| ws.0.to_string()).collect();
            ids.join(", ")
        };
        match (self.config.workspace, self.workspaces.as_slice()) {
            (None, [only]) => Ok(*only),
            (None, _) => Err(ServiceError::WhichWorkspace { known: known() }),
            (Some(asked), all) if all.contains(&WorkspaceId(asked)) => Ok(WorkspaceId(asked)),
            (Some(asked), _) => Err(ServiceError::NoSuchWorkspace { asked, known: known() }),
        }
    }

    /// Sends a command of the operator.
    ///
    /// # Errors
    /// As [`CommandHandler::handle`].
    pub async fn handle(
        &self,
        ws: WorkspaceId,
        id: CommandId,
        command: impl Command,
    ) -> Result<Accepted, HandleError> {
        let request = Request {
            ws,
            id,
            body: command.name().as_bytes().to_vec(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        self.handler.handle(request).await
    }

    /// What carries erasures out.
    #[must_use]
    pub fn erasing(&self) -> Erasing {
        Erasing {
            handler: self.handler.clone(),
            views: self.pools.read.clone(),
            projectors: self.pools.project.clone(),
            ops: self.ops.clone(),
            objects: self.objects.clone(),
        }
    }

    /// Tells a running server what was written, gives the connections back, and stops the private Postgres if this process started it.
    pub async fn stop(self) {
        notify::tell_rest(&self.pools.ops, self.handler.recent()).await;
        self.database.stop().await;
    }

    /// The database.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }
}

/// The present instant.
#[must_use]
pub fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}

struct Parts {
    vault: Vault,
    objects: SealedObjects,
    handler: CommandHandler,
}

impl Parts {
    async fn open(config: &Config, pools: &Pools) -> Result<Self, VaultError> {
        let vault = Vault::open(pools.ops.clone(), &config.key_file).await?;
        let (sealer, folder) = (vault.clone(), config.objects.clone());
        let opened =
            tokio::task::spawn_blocking(move || SealedObjects::local(sealer, &folder)).await;
        let objects = opened.map_err(|_| VaultError::Stopping)??;
        let handler = CommandHandler::new(
            (pools.append.clone(), LogReader::new(pools.read.clone())),
            vault.clone(),
            RecentCommits::default(),
            (commands::stream_types(), commands::directory_type()),
            HandlerSettings::default(),
        );
        Ok(Self { vault, objects, handler })
    }
}
