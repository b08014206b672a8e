//! Taking a person out of the clear-text view: rows, and the bytes that dead rows would keep.

use decider::WorkspaceId;
use event_store::projection::{ProjectionType, fence};
use sqlx::{Connection, PgPool};
use uuid::Uuid;

use super::Lookup;

/// The projector may write its next checkpoint just before us, at most so many times.
const ATTEMPTS_MAX: u32 = 20;

const DELETES: [&str; 3] = [
    include_str!("forget_person.sql"),
    include_str!("forget_email.sql"),
    include_str!("forget_term.sql"),
];

/// A rewrite copies the rows that are visible now into new files. `vacuum full` would keep deleted rows for as long as anybody
/// holds an older snapshot. (An expression makes Postgres rewrite although the type stays.)
const REWRITES: [&str; 3] = [
    include_str!("rewrite_person.sql"),
    include_str!("rewrite_email.sql"),
    include_str!("rewrite_term.sql"),
];

/// Deletes every row about a person and rewrites the tables of the view, so that no dead row keeps their words. To be called
/// after their keys were destroyed: then a rebuild brings nothing back either. Readers wait while the tables are rewritten.
///
/// # Errors
/// When the database fails; then nothing was changed.
pub async fn forget(pool: &PgPool, ws: WorkspaceId, subject: Uuid) -> Result<(), sqlx::Error> {
    let mut attempt = 1;
    loop {
        match forget_once(pool, ws, subject).await {
            Err(error) if was_overtaken(&error) && attempt < ATTEMPTS_MAX => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn forget_once(pool: &PgPool, ws: WorkspaceId, subject: Uuid) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    // A batch that has read the rows already must not write them back.
    fence(&mut transaction, ws, &ProjectionType::of::<Lookup>()).await?;
    for sql in DELETES {
        sqlx::query(sql).bind(ws.0).bind(subject).execute(&mut *transaction).await?;
    }
    for sql in REWRITES {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

fn was_overtaken(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
