//! A long stream in two parts: the events that change something, with their payloads, and one row about all the others.

use decider::{LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use sqlx::Row;
use uuid::Uuid;

use super::bound::bounded;
use super::error::LogError;
use super::reader::{LogReader, signed, stored, unsigned};
use super::time::PgInstant;

/// Instants before and after these are no instants to Postgres.
const MICROS_MIN: i64 = -210_000_000_000_000_000;
const MICROS_MAX: i64 = 9_000_000_000_000_000_000;

/// A stretch of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The workspace.
    pub ws: WorkspaceId,
    /// The stream.
    pub stream: Uuid,
    /// It begins after this version.
    pub after: Version,
    /// Its last version.
    pub to: Version,
}

/// Which events of a stretch are summed: up to a position, and those that had happened by an instant (and, wherever a date
/// lies in the future, were recorded by then).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Included {
    /// Up to this position.
    pub position: LogPosition,
    /// Or happened by this instant.
    pub instant: Timestamp,
}

/// What is known of the events that were summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The last of them.
    pub position: LogPosition,
    /// Its version.
    pub version: Version,
    /// When it was recorded.
    pub at: Timestamp,
    /// The newest instant at which one of them happened.
    pub occurred_at: Timestamp,
    /// Whether one of them is of a marked type.
    pub marked: bool,
}

impl LogReader {
    /// The events of a stretch that are of none of the types, in order, at most `limit`.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn stream_without(
        &self,
        stretch: Stretch,
        types: &[&str],
        limit: u32,
    ) -> Result<Vec<StoredEvent>, LogError> {
        let Stretch { ws, stream, after, to } = stretch;
        let rows = bounded(
            sqlx::query(include_str!("sql/stream_without.sql"))
                .bind(ws.0)
                .bind(stream)
                .bind(i32::try_from(after).unwrap_or(i32::MAX))
                .bind(i32::try_from(to).unwrap_or(i32::MAX))
                .bind(types)
                .bind(i64::from(limit))
                .fetch_all(self.pool()),
        )
        .await?;
        rows.iter().map(|row| stored(ws, row)).collect()
    }

    /// The newest events of a stretch without a gap, oldest first; those that are not of the named types without payload. At
    /// most so many, and only as long as the payloads of newer ones have at most so many bytes together.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn newest_of_stream(
        &self,
        stretch: Stretch,
        with_payload: &[&str],
        (limit, bytes_max): (u32, u32),
    ) -> Result<Vec<StoredEvent>, LogError> {
        let Stretch { ws, stream, after, to } = stretch;
        let rows = bounded(
            sqlx::query(include_str!("sql/newest_of_stream.sql"))
                .bind(ws.0)
                .bind(stream)
                .bind(i32::try_from(after).unwrap_or(i32::MAX))
                .bind(i32::try_from(to).unwrap_or(i32::MAX))
                .bind(with_payload)
                .bind(i64::from(limit))
                .bind(i64::from(bytes_max))
                .fetch_all(self.pool()),
        )
        .await?;
        rows.iter().rev().map(|row| stored(ws, row)).collect()
    }

    /// The events of a stretch that are of these types, summed without reading a payload: none if none is included. Beside it
    /// the last position among them that had been recorded by the instant.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stream_sum(
        &self,
        stretch: Stretch,
        (types, marked): (&[&str], &[&str]),
        included: Included,
    ) -> Result<(Option<Sum>, LogPosition), LogError> {
        let Stretch { ws, stream, after, to } = stretch;
        let row = bounded(
            sqlx::query(include_str!("sql/stream_sum.sql"))
                .bind(ws.0)
                .bind(stream)
                .bind(i32::try_from(after).unwrap_or(i32::MAX))
                .bind(i32::try_from(to).unwrap_or(i32::MAX))
                .bind(types)
                .bind(marked)
                .bind(signed(included.position.0))
                .bind(included.instant.as_micros().clamp(MICROS_MIN, MICROS_MAX))
                .fetch_one(self.pool()),
        )
        .await?;
        let recorded = row.try_get::<Option<i64>, _>("recorded")?.map_or(0, unsigned);
        let Some(position) = row.try_get::<Option<i64>, _>("pos")? else {
            return Ok((None, LogPosition(recorded)));
        };
        let sum = Sum {
            position: LogPosition(unsigned(position)),
            version: u32::try_from(row.try_get::<i32, _>("version")?).unwrap_or(0),
            at: row.try_get::<PgInstant, _>("at")?.0,
            occurred_at: row.try_get::<PgInstant, _>("occurred_at")?.0,
            marked: row.try_get("marked")?,
        };
        Ok((Some(sum), LogPosition(recorded)))
    }

    /// The first events of a stream that are of these types and included in `to` but not in `from`, in order, and how many there
    /// are. An event whose date lies in the future counts by its position alone.
    ///
    /// # Errors
    /// When the database fails or an envelope is damaged.
    pub async fn stream_between(
        &self,
        (ws, stream): (WorkspaceId, Uuid),
        types: &[&str],
        (from, to): (Included, Included),
        limit: u32,
    ) -> Result<(Vec<StoredEvent>, u64), LogError> {
        let micros =
            |included: Included| included.instant.as_micros().clamp(MICROS_MIN, MICROS_MAX);
        let asked = |sql: &'static str| {
            sqlx::query(sql)
                .bind(ws.0)
                .bind(stream)
                .bind(types)
                .bind(signed(to.position.0))
                .bind(micros(to))
                .bind(signed(from.position.0))
                .bind(micros(from))
        };
        let events = asked(include_str!("sql/stream_between.sql")).bind(i64::from(limit));
        let rows = bounded(events.fetch_all(self.pool())).await?;
        let count = asked(include_str!("sql/stream_between_count.sql"));
        let count: i64 = bounded(count.fetch_one(self.pool())).await?.try_get(0)?;
        let events = rows.iter().map(|row| stored(ws, row)).collect::<Result<_, _>>()?;
        Ok((events, unsigned(count)))
    }
}
