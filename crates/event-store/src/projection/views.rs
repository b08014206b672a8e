//! Where a projector keeps its rows: Postgres, or in simulations a store in memory.

use std::sync::Arc;

use async_trait::async_trait;
use decider::WorkspaceId;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Row};
use uuid::Uuid;

use super::checkpoint::{self, Checkpoint};
use super::error::{Fault, StepError};
use super::fold::{Fold, ProjectionType, Quarantine};
use super::store::{CrashPoint, Store, WriteError};

/// The rows of one view of one workspace.
#[async_trait]
pub(super) trait ViewStore: Send + Sync {
    /// How far its rows are, and which streams it leaves out.
    async fn standing(&self) -> Result<(Checkpoint, Quarantine), StepError>;

    /// Reads every announced row; answers what writes on top of them.
    async fn prefetch(&self, fold: &mut dyn Fold) -> Result<Box<dyn ViewWriter>, StepError>;
}

/// Writes what a fold changed.
#[async_trait]
pub(super) trait ViewWriter: Send {
    /// Checkpoint, newly quarantined streams and rows in one transaction: all of it, or nothing.
    async fn write(
        &mut self,
        fold: &dyn Fold,
        next: (&Checkpoint, &[Fault]),
        crash: &CrashPoint,
    ) -> Result<(), WriteError>;

    /// The same without a trace: whether the rows would be taken.
    async fn try_write(&mut self, fold: &dyn Fold, next: &Checkpoint) -> Result<(), WriteError>;

    /// Takes old checkpoints away.
    async fn prune(&mut self, newest: u64) -> Result<(), StepError>;
}

/// A view in Postgres.
pub(super) struct PgViews {
    pool: PgPool,
    store: Arc<Store>,
}

struct PgWriter {
    connection: PoolConnection<Postgres>,
    store: Arc<Store>,
}

impl PgViews {
    pub(super) fn new(pool: PgPool, ws: WorkspaceId, projection: &ProjectionType) -> Self {
        Self { pool, store: Arc::new(Store::new(ws, projection)) }
    }
}

#[async_trait]
impl ViewStore for PgViews {
    async fn standing(&self) -> Result<(Checkpoint, Quarantine), StepError> {
        let mut connection = self.pool.acquire().await.map_err(StepError::of_sql)?;
        let (ws, schema) = (self.store.ws, &self.store.schema);
        read_standing(&mut connection, ws, schema).await.map_err(StepError::of_sql)
    }

    async fn prefetch(&self, fold: &mut dyn Fold) -> Result<Box<dyn ViewWriter>, StepError> {
        let mut connection = self.pool.acquire().await.map_err(StepError::of_sql)?;
        self.store.prefetch(&mut connection, fold).await.map_err(StepError::of_sql)?;
        Ok(Box::new(PgWriter { connection, store: Arc::clone(&self.store) }))
    }
}

#[async_trait]
impl ViewWriter for PgWriter {
    async fn write(
        &mut self,
        fold: &dyn Fold,
        next: (&Checkpoint, &[Fault]),
        crash: &CrashPoint,
    ) -> Result<(), WriteError> {
        self.store.write(&mut self.connection, fold, next, crash).await
    }

    async fn try_write(&mut self, fold: &dyn Fold, next: &Checkpoint) -> Result<(), WriteError> {
        self.store.try_write(&mut self.connection, fold, next).await
    }

    async fn prune(&mut self, newest: u64) -> Result<(), StepError> {
        let (ws, schema) = (self.store.ws, &self.store.schema);
        checkpoint::prune(&mut self.connection, ws, schema, newest).await.map_err(StepError::of_sql)
    }
}

/// How far the rows in a schema are, and which streams they leave out.
///
/// # Errors
/// When the database fails.
pub async fn read_standing(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
) -> Result<(Checkpoint, Quarantine), sqlx::Error> {
    let standing = checkpoint::read(connection, ws, schema).await?;
    Ok((standing, read_quarantine(connection, ws, schema).await?))
}

pub(super) async fn read_quarantine(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
) -> Result<Quarantine, sqlx::Error> {
    let rows = sqlx::query(include_str!("sql/quarantine_read.sql"))
        .bind(ws.0)
        .bind(schema)
        .fetch_all(connection)
        .await?;
    let mut quarantine = Quarantine::default();
    for row in &rows {
        quarantine
            .0
            .insert(row.try_get::<Uuid, _>("stream")?, checkpoint::unsigned(row.try_get("pos")?));
    }
    Ok(quarantine)
}
