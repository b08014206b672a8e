//! What an appender needs of the outside: ways to append, look-ups, a clock. Postgres is one; simulations have another.

use std::time::Duration;

use async_trait::async_trait;
use decider::{LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::error::chain;
use super::prove::{self, Asked, Now};
use crate::log::{
    AppendBatch, Appended, Base, ClaimRow, Head, LogError, LogReader, append, bounded,
};

/// Whoever holds a workspace's lock for longer is lost.
const HELD_MAX: Duration = Duration::from_secs(7);

/// The log and the time, as an appender sees them. Each call may fail, and then says nothing about what was done.
#[async_trait]
pub(crate) trait Backend: Send + Sync {
    /// The time of this machine, which need not agree with that of others.
    fn wall_clock(&self) -> Timestamp;

    /// A way to append, of its own.
    async fn lane(&self) -> Result<Box<dyn Lane>, LogError>;

    /// Where the log ends.
    async fn head(&self, ws: WorkspaceId) -> Result<Head, LogError>;

    /// Directory events of these kinds after a position, in order.
    async fn directory_after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        kinds: &[String],
    ) -> Result<Vec<StoredEvent>, LogError>;

    /// The events of streams, each after a version; grouped by stream in the order asked.
    async fn streams(
        &self,
        ws: WorkspaceId,
        wanted: &[(Uuid, Version)],
    ) -> Result<Vec<StoredEvent>, LogError>;

    /// Events after a position, in order, at most `limit`.
    async fn after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError>;

    /// Who holds natural keys, in the order asked.
    async fn claims(
        &self,
        ws: WorkspaceId,
        keys: &[(&'static str, [u8; 32])],
    ) -> Result<Vec<ClaimRow>, LogError>;

    /// Everything that refusals depend on, at one instant.
    async fn look(&self, ws: WorkspaceId, asked: &Asked<'_>) -> Result<Now, LogError>;

    /// Ends whoever has held up the appends of a workspace for longer than one may take.
    async fn end_holder(&self, _ws: WorkspaceId) {}
}

/// One batch at a time travels on a lane. After an error the outcome is open, and the lane is not used again.
#[async_trait]
pub(crate) trait Lane: Send + Sync {
    /// Appends a batch in one round trip, or answers what stands in its way.
    async fn append(
        &mut self,
        ws: WorkspaceId,
        node: Uuid,
        base: &Base,
        batch: &AppendBatch,
    ) -> Result<Appended, LogError>;

    /// Ends it when nothing is on its way.
    async fn close(self: Box<Self>);

    /// Ends it though an answer may still arrive: it must not serve another batch.
    async fn cut(self: Box<Self>);
}

/// The log in Postgres and the clock of this machine.
pub(super) struct Postgres {
    /// For appending alone, so that readers cannot starve writers.
    pub pool: PgPool,
    pub reader: LogReader,
}

#[async_trait]
impl Backend for Postgres {
    fn wall_clock(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    async fn lane(&self) -> Result<Box<dyn Lane>, LogError> {
        Ok(Box::new(self.pool.acquire().await?.detach()))
    }

    async fn head(&self, ws: WorkspaceId) -> Result<Head, LogError> {
        self.reader.head(ws).await
    }

    async fn directory_after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        kinds: &[String],
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.reader.directory_after(ws, position, kinds).await
    }

    async fn streams(
        &self,
        ws: WorkspaceId,
        wanted: &[(Uuid, Version)],
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.reader.streams(ws, wanted).await
    }

    async fn after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.reader.after(ws, position, limit).await
    }

    async fn claims(
        &self,
        ws: WorkspaceId,
        keys: &[(&'static str, [u8; 32])],
    ) -> Result<Vec<ClaimRow>, LogError> {
        self.reader.claims(ws, keys).await
    }

    async fn look(&self, ws: WorkspaceId, asked: &Asked<'_>) -> Result<Now, LogError> {
        prove::look(self.reader.pool(), ws, asked).await
    }

    /// A connection that breaks between a statement and its commit leaves a session behind that holds the workspace's lock,
    /// and the database would wait for the rest of what it sends for hours.
    async fn end_holder(&self, ws: WorkspaceId) {
        match bounded(end_holder(&self.pool, ws)).await {
            Ok(0) => {}
            Ok(_) => {
                tracing::warn!(workspace = %ws.0, "a lost session held the workspace's lock and was ended");
            }
            Err(error) => {
                tracing::warn!(workspace = %ws.0, error = chain(&error), "whoever holds the workspace's lock could not be ended");
            }
        }
    }
}

async fn end_holder(pool: &PgPool, ws: WorkspaceId) -> Result<u64, sqlx::Error> {
    let mut connection = pool.acquire().await?.detach();
    // A session belongs to the user who opened it, whatever role it works as.
    sqlx::query("reset role").execute(&mut connection).await?;
    let ended = sqlx::query(include_str!("sql/end_holder.sql"))
        .bind(ws.0)
        .bind(i64::try_from(HELD_MAX.as_millis()).unwrap_or(i64::MAX))
        .execute(&mut connection)
        .await?;
    Connection::close(connection).await?;
    Ok(ended.rows_affected())
}

#[async_trait]
impl Lane for PgConnection {
    async fn append(
        &mut self,
        ws: WorkspaceId,
        node: Uuid,
        base: &Base,
        batch: &AppendBatch,
    ) -> Result<Appended, LogError> {
        append(self, ws, node, base, batch).await
    }

    async fn close(self: Box<Self>) {
        drop(Connection::close(*self).await);
    }

    async fn cut(self: Box<Self>) {
        drop(self.close_hard().await);
    }
}
