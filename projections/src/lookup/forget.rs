//! Taking a person out of the clear-text view: rows, and the bytes that dead rows would keep.

use decider::WorkspaceId;
use event_store::projection::{ProjectionType, fence};
use sqlx::{Connection, PgPool};
use uuid::Uuid;

use super::Lookup;

/// Deletes every row about a person and rewrites the storage of the view, so that no dead row keeps their words. To be called
/// after their keys were destroyed: then a rebuild brings nothing back either. Readers wait while the tables are rewritten.
///
/// # Errors
/// When the database fails. Calling it again is safe, and needed.
pub async fn forget(pool: &PgPool, ws: WorkspaceId, subject: Uuid) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    // A batch that has read the rows already must not write them back.
    fence(&mut transaction, ws, &ProjectionType::of::<Lookup>()).await?;
    for sql in [
        include_str!("forget_person.sql"),
        include_str!("forget_email.sql"),
        include_str!("forget_term.sql"),
    ] {
        sqlx::query(sql).bind(ws.0).bind(subject).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    for sql in ["vacuum full lookup_person", "vacuum full lookup_email", "vacuum full lookup_term"]
    {
        sqlx::raw_sql(sql).execute(&mut *connection).await?;
    }
    Ok(())
}
