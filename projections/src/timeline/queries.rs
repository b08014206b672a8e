//! Reading the timeline of a ticket.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use events::TicketId;
use sqlx::PgExecutor;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::EntryRow;
use crate::cursor::{Cursor, Page, limits};
use crate::effect::{SAID, Until};

/// A page in the order of the log.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ticket: TicketId,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = after.unwrap_or(Cursor::BOTTOM);
    read(database, include_str!("page.sql"), (ws, ticket, from), limit).await
}

/// A page against the order of the log: the newest first.
///
/// # Errors
/// When the database fails.
pub async fn newest(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    ticket: TicketId,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = before.unwrap_or(Cursor::TOP);
    read(database, include_str!("page_back.sql"), (ws, ticket, from), limit).await
}

/// A page of what belongs to an earlier place, in the order of the log.
///
/// # Errors
/// When the database fails.
pub async fn page_until(
    database: impl PgExecutor<'_>,
    (ws, ticket): (WorkspaceId, TicketId),
    until: &Until,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = after.unwrap_or(Cursor::BOTTOM);
    read_until(database, include_str!("page_until.sql"), (ws, ticket, from), until, limit).await
}

/// The same against the order of the log: the newest first.
///
/// # Errors
/// When the database fails.
pub async fn newest_until(
    database: impl PgExecutor<'_>,
    (ws, ticket): (WorkspaceId, TicketId),
    until: &Until,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = before.unwrap_or(Cursor::TOP);
    read_until(database, include_str!("page_back_until.sql"), (ws, ticket, from), until, limit)
        .await
}

async fn read_until(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    (ws, ticket, from): (WorkspaceId, TicketId, Cursor),
    until: &Until,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let (shown, wanted) = limits(limit);
    let rows = sqlx::query(sql)
        .bind(ws.0)
        .bind(ticket.0)
        .bind(from.first)
        .bind(wanted)
        .bind(until.newest)
        .bind(until.changes)
        .bind(&SAID[..])
        .bind(until.said)
        .bind(until.said_by)
        .fetch_all(database)
        .await?;
    cut(&rows, shown)
}

async fn read(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    (ws, ticket, from): (WorkspaceId, TicketId, Cursor),
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let (shown, wanted) = limits(limit);
    let rows = sqlx::query(sql)
        .bind(ws.0)
        .bind(ticket.0)
        .bind(from.first)
        .bind(wanted)
        .fetch_all(database)
        .await?;
    cut(&rows, shown)
}

fn cut(rows: &[PgRow], shown: u32) -> Result<Page<EntryRow>, sqlx::Error> {
    let items = rows.iter().map(EntryRow::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, shown, |row| Cursor { first: row.position, second: 0, id: Uuid::nil() }))
}
