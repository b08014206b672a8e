//! Reading one user's own drafts.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use events::draft::DraftKind;
use events::{TicketId, UserId};
use sqlx::{PgExecutor, Row};
use uuid::Uuid;

use super::DraftRow;
use crate::cursor::{Cursor, Page, limits};

/// No count goes further.
const COUNT_MAX: i64 = 1_000;

/// A page of a user's drafts, newest first.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    user: UserId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<DraftRow>, sqlx::Error> {
    let (shown, wanted) = limits(limit);
    let after = after.unwrap_or(Cursor::TOP);
    let rows = sqlx::query(include_str!("page.sql"))
        .bind(ws.0)
        .bind(user.0)
        .bind(after.first)
        .bind(after.id)
        .bind(wanted)
        .fetch_all(database)
        .await?;
    let items = rows.iter().map(DraftRow::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, shown, |row| Cursor { first: row.saved_at, second: 0, id: row.draft }))
}

/// A user's draft of one kind on one ticket.
///
/// # Errors
/// When the database fails.
pub async fn find(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ticket: TicketId,
    user: UserId,
    kind: DraftKind,
) -> Result<Option<DraftRow>, sqlx::Error> {
    let row = sqlx::query(include_str!("find.sql"))
        .bind(ws.0)
        .bind(ticket.0)
        .bind(user.0)
        .bind(kind.as_str())
        .fetch_optional(database)
        .await?;
    row.as_ref().map(DraftRow::read).transpose()
}

/// A user's drafts on some tickets: for the rows of a list that say "Draft:".
///
/// # Errors
/// When the database fails.
pub async fn on_tickets(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    user: UserId,
    tickets: &[TicketId],
) -> Result<Vec<DraftRow>, sqlx::Error> {
    let tickets: Vec<Uuid> = tickets.iter().map(|ticket| ticket.0).collect();
    let rows = sqlx::query(include_str!("on_tickets.sql"))
        .bind(ws.0)
        .bind(user.0)
        .bind(tickets)
        .fetch_all(database)
        .await?;
    rows.iter().map(DraftRow::read).collect()
}

/// How many drafts a user has, at most 1,000.
///
/// # Errors
/// When the database fails.
pub async fn count(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    user: UserId,
) -> Result<u32, sqlx::Error> {
    let row = sqlx::query(include_str!("count.sql"))
        .bind(ws.0)
        .bind(user.0)
        .bind(COUNT_MAX)
        .fetch_one(database)
        .await?;
    Ok(u32::try_from(row.try_get::<i64, _>(0)?).unwrap_or(0))
}
