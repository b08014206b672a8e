//! Reading traces.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use sqlx::{PgExecutor, Row as _};
use uuid::Uuid;

use super::ErasureRow;
use crate::cursor::limits;

/// Tickets that a person takes part in, or did, those after one of them: at most so many.
///
/// # Errors
/// When the database fails.
pub async fn tickets_of(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    person: Uuid,
    after: Uuid,
    limit: u32,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let rows = sqlx::query(include_str!("tickets_of.sql"))
        .bind(ws.0)
        .bind(person)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(database)
        .await?;
    rows.iter().map(|row| row.try_get("ticket")).collect()
}

/// Erasures asked for before a place in the log, newest first. One more than the limit where there are more.
///
/// # Errors
/// When the database fails.
pub async fn erasures(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<ErasureRow>, sqlx::Error> {
    let rows = sqlx::query(include_str!("page.sql"))
        .bind(ws.0)
        .bind(before.unwrap_or(i64::MAX))
        .bind(limits(limit).1)
        .fetch_all(database)
        .await?;
    rows.iter().map(ErasureRow::read).collect()
}

/// Erasures that are not completed, those asked for after a place in the log, oldest first: at most so many.
///
/// # Errors
/// When the database fails.
pub async fn pending(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    after: i64,
    limit: u32,
) -> Result<Vec<ErasureRow>, sqlx::Error> {
    let rows = sqlx::query(include_str!("pending.sql"))
        .bind(ws.0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(database)
        .await?;
    rows.iter().map(ErasureRow::read).collect()
}
