//! Asking for numbers.

use decider::{LogPosition, Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::Dimension;
use super::span::whole;

/// What was recorded late is taken off one by one; where there is more of it than this part of everything before, counting
/// from the beginning is cheaper.
const EARLY_PART: i64 = 4;

/// The instant and the knowledge that numbers are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The workspace.
    pub ws: WorkspaceId,
    /// What had happened by then, ...
    pub instant: Timestamp,
    /// ... as far as it was recorded up to here. The view has folded this position.
    pub known_at: LogPosition,
    /// When that position was recorded.
    pub known_at_instant: Timestamp,
}

impl Asked {
    /// Nothing that was known had happened later than when it was recorded.
    fn until(&self) -> i64 {
        self.instant.min(self.known_at_instant).as_micros()
    }

    fn position(&self) -> i64 {
        i64::try_from(self.known_at.0).unwrap_or(i64::MAX)
    }
}

/// The number of tickets of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// What is counted by.
    pub dimension: Dimension,
    /// The value.
    pub value: Uuid,
    /// How many tickets have it.
    pub tickets: i64,
}

/// What was recorded between two positions about the time before an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restated {
    /// Tickets that came into being.
    pub created: i64,
    /// Changes of tickets.
    pub changed: i64,
    /// The first of these events.
    pub first: Option<LogPosition>,
    /// The last.
    pub last: Option<LogPosition>,
}

/// How many tickets there were of each value that had any. "None" is not among the values: it is the rest of all tickets.
///
/// # Errors
/// When the database fails.
pub async fn counts(
    database: &PgPool,
    asked: &Asked,
    dimensions: &[Dimension],
) -> Result<Vec<Count>, sqlx::Error> {
    let numbers: Vec<i16> = dimensions.iter().map(|dimension| dimension.number()).collect();
    let until = asked.until();
    // Planned for its values each time (3 ms): a plan for all instants and positions looks at half of a large table (1 s), since any
    // of them might be asked for.
    let rows = if is_early(database, asked).await? {
        sqlx::query(include_str!("counts_early.sql"))
            .persistent(false)
            .bind(asked.ws.0)
            .bind(numbers)
            .bind(until)
            .bind(asked.position())
            .fetch_all(database)
            .await?
    } else {
        let time = whole(until);
        sqlx::query(include_str!("counts.sql"))
            .persistent(false)
            .bind(asked.ws.0)
            .bind(numbers)
            .bind(until)
            .bind(asked.position())
            .bind(time.spans[0].0)
            .bind(time.spans[0].1)
            .bind(time.spans[1].0)
            .bind(time.spans[1].1)
            .bind(time.spans[2].1)
            .bind(time.rest)
            .fetch_all(database)
            .await?
    };
    let mut counts = Vec::with_capacity(rows.len());
    for row in &rows {
        let (number, value, tickets) =
            (row.try_get("dimension")?, row.try_get("value")?, row.try_get("n")?);
        counts.extend(Dimension::of(number).map(|dimension| Count { dimension, value, tickets }));
    }
    counts.sort_unstable();
    Ok(counts)
}

async fn is_early(database: &PgPool, asked: &Asked) -> Result<bool, sqlx::Error> {
    let most = asked.position() / EARLY_PART + 1;
    let late: i64 = sqlx::query_scalar(include_str!("late_after.sql"))
        .bind(asked.ws.0)
        .bind(asked.position())
        .bind(most)
        .fetch_one(database)
        .await?;
    Ok(late == most)
}

/// What was recorded after one position up to what is asked for, about the time before the instant: the difference between the
/// numbers as they were known at both.
///
/// # Errors
/// When the database fails.
pub async fn restated(
    database: &PgPool,
    asked: &Asked,
    since: LogPosition,
) -> Result<Restated, sqlx::Error> {
    let row = sqlx::query(include_str!("restated.sql"))
        .bind(asked.ws.0)
        .bind(i64::try_from(since.0).unwrap_or(i64::MAX))
        .bind(asked.position())
        .bind(asked.until())
        .fetch_one(database)
        .await?;
    let position =
        |found: Option<i64>| found.and_then(|found| u64::try_from(found).ok()).map(LogPosition);
    Ok(Restated {
        created: row.try_get("created")?,
        changed: row.try_get("changed")?,
        first: position(row.try_get("first_position")?),
        last: position(row.try_get("last_position")?),
    })
}
