//! Reading the audit log, the newest first.

use decider::WorkspaceId;
use event_store::projection::Row as _;
use sqlx::PgExecutor;
use uuid::Uuid;

use super::AuditRow;

/// Which entries are wanted; all of them if nothing is said.
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
    /// About this: a user, pipeline, property, channel, contact, ticket or erasure.
    pub target: Option<Uuid>,
    /// About this ticket.
    pub ticket: Option<Uuid>,
}

/// The newest entries before a position, at most `limit`.
///
/// # Errors
/// When the database fails.
pub async fn page(
    database: impl PgExecutor<'_>,
    ws: WorkspaceId,
    wanted: &Wanted,
    before: i64,
    limit: u32,
) -> Result<Vec<AuditRow>, sqlx::Error> {
    let rows = sqlx::query(include_str!("page.sql"))
        .bind(ws.0)
        .bind(before)
        .bind(wanted.from.unwrap_or(i64::MIN))
        .bind(wanted.until.unwrap_or(i64::MAX))
        .bind(wanted.actor.as_deref())
        .bind(wanted.kinds.as_deref())
        .bind(wanted.target)
        .bind(wanted.ticket)
        .bind(i64::from(limit))
        .fetch_all(database)
        .await?;
    rows.iter().map(AuditRow::read).collect()
}
