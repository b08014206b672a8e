//! Reading the log: by position, by stream, by commit; the newest commit; who holds a natural key.

use std::str::FromStr;

use decider::{
    Actor, CommandId, EventContext, LogPosition, StoredEvent, Timestamp, Version, WorkspaceId,
};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::bound::bounded;
use super::error::LogError;
use super::leaf::ZERO_HASH;
use super::time::PgInstant;

/// One commit: a run of positions written as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// 1, 2, 3 … per workspace.
    pub no: u64,
    /// Its first position; one more than its last when it holds no event.
    pub first_pos: u64,
    /// The last position written so far.
    pub last_pos: u64,
    /// When it was written.
    pub at: Timestamp,
    /// The chain hash.
    pub hash: [u8; 32],
}

/// Where a workspace's log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the newest commit; 0 for an empty log.
    pub commit: u64,
    /// The newest position.
    pub position: LogPosition,
    /// The newest ticket number.
    pub number: u64,
    /// Position of the newest directory event.
    pub directory: LogPosition,
    /// Hash of the newest commit.
    pub hash: [u8; 32],
    /// When the newest commit was written.
    pub at: Timestamp,
}

impl Head {
    /// The head of an empty log.
    pub const EMPTY: Self = Self {
        commit: 0,
        position: LogPosition(0),
        number: 0,
        directory: LogPosition(0),
        hash: ZERO_HASH,
        at: Timestamp::from_micros(0),
    };
}

/// A natural key: how often it changed hands, and who holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ClaimRow {
    /// Number of changes so far; 0 means never taken.
    pub seq: i32,
    /// The holder.
    pub holder: Option<Uuid>,
}

/// A command that was accepted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRow {
    /// Its first event, or the newest position then when it changed nothing.
    pub first_pos: LogPosition,
    /// How many events it wrote.
    pub events: u32,
    /// Keyed hash of its body.
    pub body_hash: Vec<u8>,
}

/// Reads one database's log.
#[derive(Clone)]
pub struct LogReader {
    pool: PgPool,
}

impl LogReader {
    /// A reader over a pool of connections.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool it reads with.
    #[must_use]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// All workspaces, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn workspaces(&self) -> Result<Vec<WorkspaceId>, LogError> {
        let query = sqlx::query(include_str!("sql/workspaces.sql"));
        let rows = bounded(query.fetch_all(&self.pool)).await?;
        rows.iter().map(|row| Ok(WorkspaceId(row.try_get(0)?))).collect()
    }

    /// Where the log ends.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn head(&self, ws: WorkspaceId) -> Result<Head, LogError> {
        let query = sqlx::query(include_str!("sql/head.sql")).bind(ws.0);
        let row = bounded(query.fetch_optional(&self.pool)).await?;
        row.map_or(Ok(Head::EMPTY), |row| {
            Ok(Head {
                commit: unsigned(row.try_get("no")?),
                position: LogPosition(unsigned(row.try_get("last_pos")?)),
                number: unsigned(row.try_get("last_number")?),
                directory: LogPosition(unsigned(row.try_get("last_directory")?)),
                hash: hash_of(row.try_get("hash")?),
                at: row.try_get::<PgInstant, _>("at")?.0,
            })
        })
    }

    /// Events after a position, in order, at most `limit`.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let query = sqlx::query(include_str!("sql/after.sql"))
            .bind(ws.0)
            .bind(signed(position.0))
            .bind(i64::from(limit));
        let rows = bounded(query.fetch_all(&self.pool)).await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// Directory events (of the given kinds) after a position, in order.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn directory_after(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        kinds: &[String],
    ) -> Result<Vec<StoredEvent>, LogError> {
        let rows = bounded(
            sqlx::query(include_str!("sql/directory_after.sql"))
                .bind(ws.0)
                .bind(signed(position.0))
                .bind(kinds)
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// The commits after commit number `no`, oldest first, at most `limit`, together with commit `no` itself as the first
    /// when it exists: a consumer compares its hash with the one it remembers.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commits_from(
        &self,
        ws: WorkspaceId,
        no: u64,
        limit: u32,
    ) -> Result<Vec<Commit>, LogError> {
        let rows = bounded(
            sqlx::query(include_str!("sql/commits_from.sql"))
                .bind(ws.0)
                .bind(signed(no))
                .bind(i64::from(limit))
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter().map(commit).collect()
    }

    /// The events of one stream after a version, in order.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn stream(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        after: Version,
    ) -> Result<Vec<StoredEvent>, LogError> {
        self.streams(ws, &[(stream, after)]).await
    }

    /// The events of several streams, each after a version; grouped by stream, in order, in one round trip.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn streams(
        &self,
        ws: WorkspaceId,
        wanted: &[(Uuid, Version)],
    ) -> Result<Vec<StoredEvent>, LogError> {
        let (ids, after): (Vec<Uuid>, Vec<i32>) = wanted
            .iter()
            .map(|(id, after)| (*id, i32::try_from(*after).unwrap_or(i32::MAX)))
            .unzip();
        let rows = bounded(
            sqlx::query(include_str!("sql/streams.sql"))
                .bind(ws.0)
                .bind(ids)
                .bind(after)
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// The events of one stream after a version, at most `limit`: for paging.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn stream_page(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        after: Version,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let rows = bounded(
            sqlx::query(include_str!("sql/stream_page.sql"))
                .bind(ws.0)
                .bind(stream)
                .bind(i32::try_from(after).unwrap_or(i32::MAX))
                .bind(i64::from(limit))
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// The present versions of streams, in the order asked; 0 for a stream that does not exist.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn versions(
        &self,
        ws: WorkspaceId,
        streams: &[Uuid],
    ) -> Result<Vec<Version>, LogError> {
        let rows = bounded(
            sqlx::query(include_str!("sql/versions.sql"))
                .bind(ws.0)
                .bind(streams)
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter().map(|row| Ok(u32::try_from(row.try_get::<i32, _>(0)?).unwrap_or(0))).collect()
    }

    /// The version a stream had at a position.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn version_at(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        position: LogPosition,
    ) -> Result<Version, LogError> {
        let row = bounded(
            sqlx::query(include_str!("sql/version_at.sql"))
                .bind(ws.0)
                .bind(stream)
                .bind(signed(position.0))
                .fetch_one(&self.pool),
        )
        .await?;
        Ok(u32::try_from(row.try_get::<i32, _>(0)?).unwrap_or(0))
    }

    /// Who holds natural keys, in the order asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claims(
        &self,
        ws: WorkspaceId,
        keys: &[(&str, [u8; 32])],
    ) -> Result<Vec<ClaimRow>, LogError> {
        let (scopes, macs): (Vec<&str>, Vec<Vec<u8>>) =
            keys.iter().map(|(scope, mac)| (*scope, mac.to_vec())).unzip();
        let rows = bounded(
            sqlx::query(include_str!("sql/claims.sql"))
                .bind(ws.0)
                .bind(scopes)
                .bind(macs)
                .fetch_all(&self.pool),
        )
        .await?;
        rows.iter()
            .map(|row| Ok(ClaimRow { seq: row.try_get("seq")?, holder: row.try_get("stream")? }))
            .collect()
    }

    /// Commands accepted before, in the order asked.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn commands(
        &self,
        ws: WorkspaceId,
        ids: &[CommandId],
    ) -> Result<Vec<Option<CommandRow>>, LogError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = bounded(
            sqlx::query(include_str!("sql/commands.sql"))
                .bind(ws.0)
                .bind(&ids)
                .fetch_all(&self.pool),
        )
        .await?;
        let mut found = vec![None; ids.len()];
        for row in &rows {
            let ord: i64 = row.try_get("ord")?;
            let slot = usize::try_from(ord - 1).ok().and_then(|index| found.get_mut(index));
            if let Some(slot) = slot {
                *slot = Some(CommandRow {
                    first_pos: LogPosition(unsigned(row.try_get("first_pos")?)),
                    events: u32::try_from(row.try_get::<i32, _>("n")?).unwrap_or(0),
                    body_hash: row.try_get("body_hash")?,
                });
            }
        }
        Ok(found)
    }
}

fn commit(row: &PgRow) -> Result<Commit, LogError> {
    Ok(Commit {
        no: unsigned(row.try_get("no")?),
        first_pos: unsigned(row.try_get("first_pos")?),
        last_pos: unsigned(row.try_get("last_pos")?),
        at: row.try_get::<PgInstant, _>("at")?.0,
        hash: hash_of(row.try_get("hash")?),
    })
}

/// Reads one row of `es.event`, columns in the order of the reading statements.
pub(super) fn stored(ws: WorkspaceId, row: &PgRow) -> Result<StoredEvent, LogError> {
    let position = unsigned(row.try_get(0)?);
    let damaged = |what| LogError::Envelope { position, what };
    let at = row.try_get::<PgInstant, _>(1)?.0;
    let occurred_at = row.try_get::<Option<PgInstant>, _>(2)?.map_or(at, |instant| instant.0);
    let meta: &str = row.try_get(10)?;
    let context: EventContext = if meta == "{}" {
        EventContext::default()
    } else {
        serde_json::from_str(meta).map_err(|_| damaged("meta"))?
    };
    Ok(StoredEvent {
        ws,
        position: LogPosition(position),
        at,
        occurred_at,
        stream: row.try_get(3)?,
        version: u32::try_from(row.try_get::<i32, _>(4)?).map_err(|_| damaged("version"))?,
        kind: row.try_get(5)?,
        type_name: row.try_get(6)?,
        schema_version: u16::try_from(row.try_get::<i16, _>(7)?)
            .map_err(|_| damaged("schema version"))?,
        command: CommandId(row.try_get(8)?),
        actor: Actor::from_str(row.try_get(9)?).map_err(|_| damaged("actor"))?,
        context,
        payload: row.try_get(11)?,
    })
}

pub(super) fn hash_of(bytes: &[u8]) -> [u8; 32] {
    bytes.try_into().unwrap_or(ZERO_HASH)
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
