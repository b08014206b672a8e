//! What happened, without what was said: the log for readers who only tell others that something changed. They need no
//! payloads, so that a run of large events costs them nothing.

use std::str::FromStr;

use decider::{Actor, CommandId, LogPosition, StoredEvent, WorkspaceId};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::error::LogError;
use super::follow::{CommitWithEvents, RecentCommits};
use super::reader::{Commit, Head, LogReader, signed, stored, unsigned};

/// How many events are outlined at a time.
const EVENTS_MAX: u64 = 1_000;
/// How many commits are looked at with one query.
const COMMITS_MAX: u32 = 500;

/// One event without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its place in the log.
    pub position: LogPosition,
    /// The command that wrote it.
    pub command: CommandId,
    /// The stream's id.
    pub stream: Uuid,
    /// The stream's kind.
    pub kind: String,
    /// The stored type name.
    pub type_name: String,
    /// The stored shape version.
    pub schema_version: u16,
    /// Who caused it.
    pub actor: Actor,
    /// How many bytes its payload has.
    pub payload_bytes: u64,
    /// The payload, of the types it was asked of.
    pub payload: Option<Vec<u8>>,
}

impl Outline {
    fn of(event: &StoredEvent, with_payload: &[&str]) -> Self {
        let asked = with_payload.contains(&event.type_name.as_str());
        Self {
            position: event.position,
            command: event.command,
            stream: event.stream,
            kind: event.kind.clone(),
            type_name: event.type_name.clone(),
            schema_version: event.schema_version,
            actor: event.actor,
            payload_bytes: event.payload.len() as u64,
            payload: asked.then(|| event.payload.clone()),
        }
    }

    fn read(row: &PgRow) -> Result<Self, LogError> {
        let position = unsigned(row.try_get("pos")?);
        let damaged = |what| LogError::Envelope { position, what };
        Ok(Self {
            position: LogPosition(position),
            command: CommandId(row.try_get("cmd")?),
            stream: row.try_get("stream")?,
            kind: row.try_get("kind")?,
            type_name: row.try_get("type")?,
            schema_version: u16::try_from(row.try_get::<i16, _>("schema_v")?)
                .map_err(|_| damaged("schema version"))?,
            actor: Actor::from_str(row.try_get("actor")?).map_err(|_| damaged("actor"))?,
            payload_bytes: unsigned(row.try_get("payload_bytes")?),
            payload: row.try_get("payload")?,
        })
    }
}

impl LogReader {
    /// Outlines of the events after a position, in order, at most `limit`; those of the named types with their payloads.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn outline(
        &self,
        ws: WorkspaceId,
        position: LogPosition,
        limit: u32,
        with_payload: &[&str],
    ) -> Result<Vec<Outline>, LogError> {
        let rows = sqlx::query(include_str!("sql/outline.sql"))
            .bind(ws.0)
            .bind(signed(position.0))
            .bind(i64::from(limit))
            .bind(with_payload)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(Outline::read).collect()
    }

    /// The events at these positions, in order.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn at_positions(
        &self,
        ws: WorkspaceId,
        positions: &[LogPosition],
    ) -> Result<Vec<StoredEvent>, LogError> {
        let positions: Vec<i64> = positions.iter().map(|position| signed(position.0)).collect();
        let rows = sqlx::query(include_str!("sql/at_positions.sql"))
            .bind(ws.0)
            .bind(positions)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// The newest events of one stream, oldest first, at most `limit`; those that are not of the named types without payload.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn newest_of_stream(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        limit: u32,
        with_payload: &[&str],
    ) -> Result<Vec<StoredEvent>, LogError> {
        let rows = sqlx::query(include_str!("sql/newest_of_stream.sql"))
            .bind(ws.0)
            .bind(stream)
            .bind(i64::from(limit))
            .bind(with_payload)
            .fetch_all(self.pool())
            .await?;
        rows.iter().rev().map(|row| stored(ws, row)).collect()
    }

    /// The newest event of a type in each of these streams; streams without one are left out.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn newest_of_type(
        &self,
        ws: WorkspaceId,
        streams: &[Uuid],
        type_name: &str,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let rows = sqlx::query(include_str!("sql/newest_of_type.sql"))
            .bind(ws.0)
            .bind(streams)
            .bind(type_name)
            .fetch_all(self.pool())
            .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }
}

/// Follows one workspace's log in outlines: from the memory of this process as far as it reaches back, else from the database.
pub struct Outlines {
    reader: LogReader,
    recent: RecentCommits,
    ws: WorkspaceId,
    with_payload: &'static [&'static str],
    /// Everything up to here was answered.
    position: LogPosition,
    /// The last commit that was answered as a whole, and its hash.
    link: (u64, [u8; 32]),
}

impl Outlines {
    /// From the head of the log on. The payloads of the named types come with them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn from_head(
        (reader, recent): (LogReader, RecentCommits),
        ws: WorkspaceId,
        with_payload: &'static [&'static str],
    ) -> Result<Self, LogError> {
        let Head { commit, position, hash, .. } = reader.head(ws).await?;
        Ok(Self { reader, recent, ws, with_payload, position, link: (commit, hash) })
    }

    /// Everything up to here was answered.
    #[must_use]
    pub const fn position(&self) -> LogPosition {
        self.position
    }

    /// What came since; empty when that is nothing.
    ///
    /// # Errors
    /// [`LogError::Rewound`] when the last commit that was answered is gone or another one; when the database fails.
    pub async fn next(&mut self) -> Result<Vec<Outline>, LogError> {
        if let Some(outlines) = self.remembered()? {
            return Ok(outlines);
        }
        loop {
            let found = self.reader.commits_from(self.ws, self.link.0, COMMITS_MAX + 1).await?;
            let following = match found.first() {
                Some(first) if self.link.0 > 0 => {
                    self.check(first)?;
                    &found[1..]
                }
                None if self.link.0 > 0 => return Err(LogError::Rewound { commit: self.link.0 }),
                Some(_) | None => &found[..],
            };
            let Some(newest) = following.last() else { return Ok(Vec::new()) };
            let outlines = self.read(newest).await?;
            // A commit that was answered in part stays the next one.
            let whole = following.iter().take_while(|commit| commit.last_pos <= self.position.0);
            if let Some(last) = whole.last() {
                self.link = (last.no, last.hash);
            }
            // There are commits without events.
            if !outlines.is_empty() {
                return Ok(outlines);
            }
        }
    }

    /// The next events up to the end of a commit, as many as are read at a time.
    async fn read(&mut self, newest: &Commit) -> Result<Vec<Outline>, LogError> {
        let wanted = newest.last_pos.saturating_sub(self.position.0).min(EVENTS_MAX);
        let limit = u32::try_from(wanted).unwrap_or(u32::MAX);
        let outlines =
            self.reader.outline(self.ws, self.position, limit, self.with_payload).await?;
        if outlines.len() as u64 != wanted {
            return Err(LogError::Envelope {
                position: self.position.0,
                what: "events of a commit are missing",
            });
        }
        self.position = LogPosition(self.position.0 + wanted);
        Ok(outlines)
    }

    fn remembered(&mut self) -> Result<Option<Vec<Outline>>, LogError> {
        // Asked from one commit earlier: the chain link must be in the memory, or nobody has compared it.
        let Some(known) = self.recent.after(self.ws, self.link.0.saturating_sub(1)) else {
            return Ok(None);
        };
        let following: &[CommitWithEvents] = match known.first() {
            Some((first, _)) if self.link.0 > 0 => {
                self.check(first)?;
                &known[1..]
            }
            Some(_) => &known[..],
            None => return Ok(None),
        };
        let Some((last, _)) = following.last() else { return Ok(None) };
        let events = following.iter().flat_map(|(_, events)| events.iter());
        let unseen = events.filter(|event| event.position > self.position);
        let outlines = unseen.map(|event| Outline::of(event, self.with_payload)).collect();
        self.position = LogPosition(last.last_pos);
        self.link = (last.no, last.hash);
        Ok(Some(outlines))
    }

    fn check(&self, commit: &Commit) -> Result<(), LogError> {
        if (commit.no, commit.hash) == self.link {
            Ok(())
        } else {
            Err(LogError::Rewound { commit: self.link.0 })
        }
    }
}
