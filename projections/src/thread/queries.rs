//! Reading the thread of a ticket.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use events::TicketId;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{CopyRow, ItemRow};
use crate::cursor::{Cursor, Page, limits};
use crate::effect::Until;

/// At most so many copies of one ticket are listed.
const COPIES_MAX: i64 = 1_000;

/// A page of the messages and comments that belong to a place, oldest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    (ws, ticket): (WorkspaceId, TicketId),
    place: &Until,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<ItemRow>, sqlx::Error> {
    let (shown, wanted) = limits(limit);
    let after = after.unwrap_or(Cursor::BOTTOM);
    let rows = sqlx::query(include_str!("page.sql"))
        .bind(ws.0)
        .bind(ticket.0)
        .bind(after.first)
        .bind(after.second)
        .bind(after.id)
        .bind(wanted)
        .bind(place.latest)
        .bind(place.said)
        .bind(place.said_by)
        .fetch_all(database)
        .await?;
    let items = rows.iter().map(ItemRow::read).collect::<Result<Vec<_>, _>>()?;
    let end = |row: &ItemRow| Cursor { first: row.occurred_at, second: row.position, id: row.item };
    Ok(Page::cut(items, shown, end))
}

/// One message or comment.
///
/// # Errors
/// When the database fails.
pub async fn find(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ticket: TicketId,
    item: Uuid,
) -> Result<Option<ItemRow>, sqlx::Error> {
    let row = sqlx::query(include_str!("find.sql"))
        .bind(ws.0)
        .bind(ticket.0)
        .bind(item)
        .fetch_optional(database)
        .await?;
    row.as_ref().map(ItemRow::read).transpose()
}

/// Original bytes beside the messages of a ticket, in the order they came.
///
/// # Errors
/// When the database fails.
pub async fn copies(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ticket: TicketId,
) -> Result<Vec<CopyRow>, sqlx::Error> {
    let rows = sqlx::query(include_str!("copies.sql"))
        .bind(ws.0)
        .bind(ticket.0)
        .bind(COPIES_MAX)
        .fetch_all(database)
        .await?;
    rows.iter().map(CopyRow::read).collect()
}
