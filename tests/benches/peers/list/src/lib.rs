//! The list of tickets, written with the sqlx that three of the peers are built on.

use sqlx08::{Executor, PgExecutor};
use uuid::Uuid;
use work::domain::Event;
use work::read_model::{ASSIGNED, COMMENTED, OPENED, PRIORITY_CHANGED, STATUS_CHANGED, TABLE};

/// Makes the table, or empties it.
///
/// # Errors
/// When the database fails.
pub async fn make(
    executor: impl Executor<'_, Database = sqlx08::Postgres> + Copy,
) -> sqlx08::Result<()> {
    sqlx08::query(TABLE).execute(executor).await?;
    sqlx08::query("truncate ticket_list").execute(executor).await?;
    Ok(())
}

/// One event, one statement.
///
/// # Errors
/// When the database fails.
pub async fn apply(
    executor: impl PgExecutor<'_>,
    ticket: Uuid,
    event: &Event,
) -> sqlx08::Result<()> {
    let query = match event {
        Event::Opened { name, status, .. } => {
            sqlx08::query(OPENED).bind(ticket).bind(name).bind(status)
        }
        Event::Assigned { to, .. } => sqlx08::query(ASSIGNED).bind(ticket).bind(to),
        Event::Commented { .. } => sqlx08::query(COMMENTED).bind(ticket),
        Event::PriorityChanged { to, .. } => {
            sqlx08::query(PRIORITY_CHANGED).bind(ticket).bind(format!("{to:?}"))
        }
        Event::StatusChanged { to, .. } => sqlx08::query(STATUS_CHANGED).bind(ticket).bind(to),
    };
    query.execute(executor).await?;
    Ok(())
}
