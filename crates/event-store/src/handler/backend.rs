//! What an appender needs of the outside: ways to append, look-ups, a clock. Postgres is one; simulations have another.

use async_trait::async_trait;
use decider::{LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::prove::{self, Asked, Now};
use crate::log::{AppendBatch, Appended, Base, ClaimRow, Head, LogError, LogReader, append};

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
