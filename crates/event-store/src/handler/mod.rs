//! The command handler: decides commands on states folded from their streams, and appends what they decide.
//!
//! One task per active workspace takes what has queued, decides it against cached states, and appends the outcome with one
//! call; what queues meanwhile is decided on top of it and becomes the next batch.

mod accept;
mod appender;
mod backend;
mod cache;
mod decide;
mod desk;
mod error;
mod fetch;
mod landing;
mod lanes;
mod outcome;
mod prove;
mod queue;
mod shipment;
#[cfg(test)]
pub(crate) mod simulation;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use decider::{
    Actor, AnyState, Command, CommandId, DirectoryType, EventContext, LogPosition, StoredEvent,
    StreamRef, StreamType, Version, WorkspaceId,
};
use sqlx::PgPool;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;
use vault::Vault;

use crate::log::{LogReader, RecentCommits};
use backend::{Backend, Postgres};

use error::Broken;
pub use error::HandleError;

/// How many commands may wait per workspace; one more is refused as busy.
const QUEUE_MAX: usize = 4096;

/// A command with everything that identifies it.
pub struct Request {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its identity: the same id has one effect.
    pub id: CommandId,
    /// What the client sent, canonical; the log keeps a keyed hash of it to tell a repeat from a reuse of the id.
    pub body: Vec<u8>,
    /// Who asks.
    pub actor: Actor,
    /// Why, and by which token.
    pub context: EventContext,
    /// The version the client has seen, if it cares (W03).
    pub expected: Option<(StreamRef, Version)>,
    /// The command.
    pub command: Arc<dyn Command>,
}

/// What an accepted command wrote, now or when it was first sent.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Position of its last event; for a command that changed nothing the newest position then.
    pub position: LogPosition,
    /// Whether it had been accepted before.
    pub duplicate: bool,
    events: Arc<[StoredEvent]>,
    first: usize,
    count: usize,
}

impl Accepted {
    /// Its events, in order; none when it changed nothing.
    #[must_use]
    pub fn events(&self) -> &[StoredEvent] {
        self.events.get(self.first..self.first + self.count).unwrap_or_default()
    }

    /// The version that a stream had after this command, if it wrote to it.
    #[must_use]
    pub fn version_of(&self, stream: Uuid) -> Option<Version> {
        self.events().iter().rev().find(|event| event.stream == stream).map(|event| event.version)
    }
}

/// Bounds and times of the handler.
#[derive(Clone, Debug)]
pub struct HandlerSettings {
    /// Identity of this process in the log.
    pub node: Uuid,
    /// How many bytes of folded state one workspace keeps at most.
    pub cache_bytes_max: usize,
    /// How long a command waits for its answer at most.
    pub answer_within: Duration,
}

impl Default for HandlerSettings {
    fn default() -> Self {
        Self {
            node: Uuid::new_v4(),
            cache_bytes_max: 64 << 20,
            answer_within: Duration::from_secs(10),
        }
    }
}

/// Everything the appenders share.
pub(crate) struct Shared {
    pub settings: HandlerSettings,
    pub backend: Box<dyn Backend>,
    pub reader: LogReader,
    pub vault: Vault,
    pub recent: RecentCommits,
    pub types: HashMap<&'static str, StreamType>,
    pub directory_type: DirectoryType,
    pub directory_kinds: Vec<String>,
}

/// A command in the queue, and who waits for its answer.
pub(crate) struct Job {
    pub request: Request,
    pub body_hash: [u8; 32],
    pub reply: oneshot::Sender<Result<Accepted, HandleError>>,
    pub attempts: u8,
    pub rounds: u8,
}

struct Workspace {
    queue: mpsc::Sender<Job>,
    directory: watch::Receiver<AnyState>,
    /// Up to where the directory is known.
    seen: watch::Receiver<LogPosition>,
}

/// Accepts commands for all workspaces of one database.
#[derive(Clone)]
pub struct CommandHandler {
    shared: Arc<Shared>,
    workspaces: Arc<Mutex<HashMap<WorkspaceId, Workspace>>>,
}

impl CommandHandler {
    /// A handler. `pool` is for appending alone; `reader` has its own, so that readers cannot starve writers.
    #[must_use]
    pub fn new(
        (pool, reader): (PgPool, LogReader),
        vault: Vault,
        recent: RecentCommits,
        types: (Vec<StreamType>, DirectoryType),
        settings: HandlerSettings,
    ) -> Self {
        let backend = Postgres { pool, reader: reader.clone() };
        Self::on((Box::new(backend), reader), vault, recent, types, settings)
    }

    /// A handler on any log.
    pub(crate) fn on(
        (backend, reader): (Box<dyn Backend>, LogReader),
        vault: Vault,
        recent: RecentCommits,
        (types, directory_type): (Vec<StreamType>, DirectoryType),
        settings: HandlerSettings,
    ) -> Self {
        let directory_kinds =
            types.iter().filter(|kind| kind.directory).map(|kind| kind.kind.to_owned()).collect();
        let types = types.into_iter().map(|kind| (kind.kind, kind)).collect();
        let shared = Shared {
            settings,
            backend,
            reader,
            vault,
            recent,
            types,
            directory_type,
            directory_kinds,
        };
        Self { shared: Arc::new(shared), workspaces: Arc::default() }
    }

    /// Decides and appends a command, and answers once it is durable.
    ///
    /// # Errors
    /// See [`HandleError`]: only [`HandleError::Unavailable`] leaves the outcome open; sending the same command again settles it.
    pub async fn handle(&self, request: Request) -> Result<Accepted, HandleError> {
        let (reply, answer) = oneshot::channel();
        let ws = request.ws;
        if self.shared.recent.continuity().is_rewound(ws) {
            return Err(HandleError::Rewound);
        }
        let body_hash = self.shared.vault.mac(ws, "command.body", &request.body);
        let queue = self.with(ws, |workspace| workspace.queue.clone());
        let job = Job { request, body_hash, reply, attempts: 0, rounds: 0 };
        match queue.try_send(job) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => {
                metrics::counter!("ledgerdesk_commands_refused_busy_total").increment(1);
                return Err(HandleError::Busy);
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(HandleError::Stopping),
        }
        match tokio::time::timeout(self.shared.settings.answer_within, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(HandleError::Stopping),
            Err(_) => Err(HandleError::Unavailable),
        }
    }

    /// The workspace's directory as this process knows it: at most a second behind what other nodes wrote, never behind
    /// what this one did.
    #[must_use]
    pub fn directory<D: Default + Clone + Send + Sync + 'static>(&self, ws: WorkspaceId) -> Arc<D> {
        self.with(ws, |workspace| Arc::clone(&workspace.directory.borrow()))
            .downcast()
            .unwrap_or_default()
    }

    /// Waits until the directory is known up to a position, at most so long; answers whether it is. Costs nothing where this
    /// process has written or read that far, else a look at the log, so that it does not depend on what other nodes tell.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn has_seen(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        at_most: Duration,
    ) -> Result<bool, HandleError> {
        let mut seen = self.with(ws, |workspace| workspace.seen.clone());
        if *seen.borrow() >= position {
            return Ok(true);
        }
        let head = self.shared.reader.head(ws).await.map_err(Broken::from)?;
        if head.position < position {
            return Ok(false); // nobody has written that far
        }
        Ok(self.sees(ws, head.position, &mut seen, at_most).await)
    }

    async fn sees(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        seen: &mut watch::Receiver<LogPosition>,
        at_most: Duration,
    ) -> bool {
        self.shared.recent.heard_of(ws, position);
        let waiting = seen.wait_for(|seen| *seen >= position);
        matches!(tokio::time::timeout(at_most, waiting).await, Ok(Ok(_)))
    }

    /// The directory with everything that is in the log at this moment.
    ///
    /// # Errors
    /// When the database does not answer in time.
    pub async fn newest_directory<D: Default + Clone + Send + Sync + 'static>(
        &self,
        ws: WorkspaceId,
    ) -> Result<Arc<D>, HandleError> {
        let head = self.shared.reader.head(ws).await.map_err(Broken::from)?;
        let mut seen = self.with(ws, |workspace| workspace.seen.clone());
        if self.sees(ws, head.position, &mut seen, self.shared.settings.answer_within).await {
            Ok(self.directory(ws))
        } else {
            Err(HandleError::Unavailable)
        }
    }

    /// Waits until the directory has been read for the first time since this process knows the workspace.
    ///
    /// # Errors
    /// When the database does not answer in time.
    pub async fn ready(&self, ws: WorkspaceId) -> Result<(), HandleError> {
        let mut directory = self.with(ws, |workspace| workspace.directory.clone());
        if directory.has_changed().unwrap_or(false) || self.is_loaded(ws) {
            return Ok(());
        }
        let waiting = tokio::time::timeout(self.shared.settings.answer_within, directory.changed());
        match waiting.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(HandleError::Stopping),
            Err(_) => Err(HandleError::Unavailable),
        }
    }

    /// The kinds of streams that the directory is folded from.
    #[must_use]
    pub fn directory_kinds(&self) -> &[String] {
        &self.shared.directory_kinds
    }

    /// The log this handler appends to.
    #[must_use]
    pub fn reader(&self) -> &LogReader {
        &self.shared.reader
    }

    /// The vault that seals its events.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.shared.vault
    }

    /// The commits that followers may read from memory.
    #[must_use]
    pub fn recent(&self) -> &RecentCommits {
        &self.shared.recent
    }

    /// How many commands wait in a workspace's queue.
    #[must_use]
    pub fn queued(&self, ws: WorkspaceId) -> usize {
        self.with(ws, |workspace| QUEUE_MAX - workspace.queue.capacity())
    }

    fn is_loaded(&self, ws: WorkspaceId) -> bool {
        self.with(ws, |workspace| !workspace.directory.borrow().is::<NotLoaded>())
    }

    fn with<T>(&self, ws: WorkspaceId, use_it: impl FnOnce(&Workspace) -> T) -> T {
        // The lock is held for a look-up only; nothing panics under it.
        let mut workspaces = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner);
        if workspaces.get(&ws).is_some_and(|workspace| workspace.queue.is_closed()) {
            // Its appender ended by a defect; the next command must not find the door shut for ever.
            workspaces.remove(&ws);
            tracing::error!(workspace = %ws.0, "an appender ended; another one is started");
        }
        use_it(workspaces.entry(ws).or_insert_with(|| {
            let (queue, jobs) = mpsc::channel(QUEUE_MAX);
            let (publish, directory) = watch::channel(Arc::new(NotLoaded) as AnyState);
            let (tell_seen, seen) = watch::channel(LogPosition(0));
            appender::spawn(Arc::clone(&self.shared), ws, jobs, (publish, tell_seen));
            Workspace { queue, directory, seen }
        }))
    }
}

/// Stands in for the directory until it has been read.
pub(crate) struct NotLoaded;
