//! Reading the timeline of a ticket.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use events::TicketId;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::EntryRow;
use crate::cursor::{Cursor, Page, limits};
use crate::effect::{SAID, Until};

/// Which lines are wanted; all of them if nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// By this actor, as its text.
    pub actor: Option<String>,
    /// Of these stored types.
    pub kinds: Option<Vec<String>>,
    /// Not before this instant, in microseconds.
    pub from: Option<i64>,
    /// Before this instant, in microseconds.
    pub until: Option<i64>,
    /// Of what belongs to this place.
    pub place: Until,
}

/// A page in the order of the log.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    (ws, ticket): (WorkspaceId, TicketId),
    wanted: &Wanted,
    after: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = after.unwrap_or(Cursor::BOTTOM);
    read(database, include_str!("page.sql"), (ws, ticket, from), wanted, limit).await
}

/// A page against the order of the log: the newest first.
///
/// # Errors
/// When the database fails.
pub async fn newest(
    database: impl PgExecutor<'_>,
    (ws, ticket): (WorkspaceId, TicketId),
    wanted: &Wanted,
    before: Option<Cursor>,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let from = before.unwrap_or(Cursor::TOP);
    read(database, include_str!("page_back.sql"), (ws, ticket, from), wanted, limit).await
}

async fn read(
    database: impl PgExecutor<'_>,
    sql: &'static str,
    (ws, ticket, from): (WorkspaceId, TicketId, Cursor),
    wanted: &Wanted,
    limit: u32,
) -> Result<Page<EntryRow>, sqlx::Error> {
    let (shown, asked_for) = limits(limit);
    let rows = sqlx::query(sql)
        .bind(ws.0)
        .bind(ticket.0)
        .bind(from.first)
        .bind(asked_for)
        .bind(wanted.actor.as_deref())
        .bind(wanted.kinds.as_deref())
        .bind(wanted.from.unwrap_or(i64::MIN))
        .bind(wanted.until.unwrap_or(i64::MAX))
        .bind(wanted.place.newest)
        .bind(&SAID[..])
        .bind(wanted.place.said)
        .bind(wanted.place.said_by)
        .bind(wanted.place.changes)
        .fetch_all(database)
        .await?;
    let items = rows.iter().map(EntryRow::read).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, shown, |row| Cursor { first: row.position, second: 0, id: Uuid::nil() }))
}
