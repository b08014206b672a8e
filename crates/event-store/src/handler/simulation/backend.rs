//! The log of a simulation behind the network of a simulation.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use decider::{LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use sqlx::error::{DatabaseError, ErrorKind};
use tokio::sync::oneshot;
use tokio::time::timeout;
use uuid::Uuid;

use super::log::{Log, Taken};
use super::world::{Lost, Machine, World};
use crate::handler::backend::{Backend, Lane};
use crate::handler::prove::{Asked, Now};
use crate::log::{AppendBatch, Appended, Base, ClaimRow, Head, LogError};

/// How long a statement waits for the lock of a workspace.
const LOCK_TIMEOUT: Duration = Duration::from_secs(6);

/// The log as one machine reaches it.
#[derive(Clone)]
pub struct Simulated {
    pub world: Arc<World>,
    pub machine: Machine,
}

impl Simulated {
    async fn ask<T>(&self, answer: impl FnOnce(&Log) -> T + Send) -> Result<T, LogError> {
        self.world.trip(&self.machine).await?;
        let answer = answer(&self.world.log());
        self.world.trip(&self.machine).await?;
        Ok(answer)
    }
}

#[async_trait]
impl Backend for Simulated {
    fn wall_clock(&self) -> Timestamp {
        self.world.clock(self.machine.skew)
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, LogError> {
        self.world.trip(&self.machine).await?;
        Ok(Box::new(self.clone()))
    }

    async fn head(&self, _: WorkspaceId) -> Result<Head, LogError> {
        self.ask(Log::head).await
    }

    async fn directory_after(
        &self,
        _: WorkspaceId,
        position: LogPosition,
        kinds: &[String],
    ) -> Result<Vec<StoredEvent>, LogError> {
        let wanted =
            |event: &&StoredEvent| event.position > position && kinds.contains(&event.kind);
        self.ask(|log| log.events.iter().filter(wanted).cloned().collect()).await
    }

    async fn streams(
        &self,
        _: WorkspaceId,
        wanted: &[(Uuid, Version)],
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.ask(|log| {
            let of = |(stream, after): &(Uuid, Version)| {
                let (stream, after) = (*stream, *after);
                log.events.iter().filter(move |e| e.stream == stream && e.version > after).cloned()
            };
            wanted.iter().flat_map(of).collect()
        })
        .await
    }

    async fn after(
        &self,
        _: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let skip = usize::try_from(position.0).unwrap();
        self.ask(|log| log.events.iter().skip(skip).take(limit as usize).cloned().collect()).await
    }

    async fn claims(
        &self,
        _: WorkspaceId,
        keys: &[(&'static str, [u8; 32])],
    ) -> Result<Vec<ClaimRow>, LogError> {
        self.ask(|log| keys.iter().map(|(scope, mac)| log.claim(scope, mac)).collect()).await
    }

    async fn look(&self, _: WorkspaceId, asked: &Asked<'_>) -> Result<Now, LogError> {
        self.world.trip(&self.machine).await?;
        drop(timeout(LOCK_TIMEOUT, self.world.writer.lock()).await.map_err(|_| Lost)?);
        self.ask(|log| {
            let streams = asked.reads.iter().flat_map(|reads| &reads.streams);
            let claims = asked.reads.iter().flat_map(|reads| &reads.claims);
            let signed = |version: Version| i32::try_from(version).unwrap();
            Now {
                versions: streams.map(|(stream, _)| signed(log.version(stream.id))).collect(),
                claims: claims.map(|(scope, mac, _)| log.claim(scope, mac).seq).collect(),
                repeated: asked.ids.iter().map(|id| log.commands.get(id).cloned()).collect(),
                directory: log.head().directory.0,
            }
        })
        .await
    }
}

#[async_trait]
impl Lane for Simulated {
    /// The database goes on with what has reached it, whether or not anybody still waits for the answer.
    async fn append(
        &mut self,
        _: WorkspaceId,
        node: Uuid,
        base: &Base,
        batch: &AppendBatch,
    ) -> Result<Appended, LogError> {
        self.world.trip(&self.machine).await?;
        let (done, answer) = oneshot::channel();
        tokio::spawn(execute(Arc::clone(&self.world), node, (*base, batch.clone()), done));
        let appended = answer.await.map_err(|_| Lost)?;
        self.world.trip(&self.machine).await?;
        appended.map_err(|taken| LogError::Database(sqlx::Error::Database(Box::new(taken))))
    }

    async fn close(self: Box<Self>) {}

    async fn cut(self: Box<Self>) {}
}

async fn execute(
    world: Arc<World>,
    node: Uuid,
    (base, batch): (Base, AppendBatch),
    done: oneshot::Sender<Result<Appended, Taken>>,
) {
    let incarnation = world.incarnation.load(Ordering::Relaxed);
    let Ok(turn) = timeout(LOCK_TIMEOUT, world.writer.lock()).await else { return };
    world.dawdle().await;
    if world.incarnation.load(Ordering::Relaxed) != incarnation {
        return; // the database went away in the middle of it
    }
    let now = world.database_clock();
    let appended = world.guarded(|log| log.append(world.ws, (node, now), &base, &batch));
    drop(turn);
    let Some(appended) = appended else { return };
    if let Ok(Appended::Written(head)) = appended {
        world.tell(node, head.position);
    }
    drop(done.send(appended));
}

impl From<Lost> for LogError {
    fn from(_: Lost) -> Self {
        Self::Database(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()))
    }
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "duplicate key value violates unique constraint {}", self.0)
    }
}

impl Error for Taken {}

impl DatabaseError for Taken {
    fn message(&self) -> &str {
        self.0
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("23505"))
    }

    fn constraint(&self) -> Option<&str> {
        Some(self.0)
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::UniqueViolation
    }

    fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
        self
    }
}
