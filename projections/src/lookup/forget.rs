//! Taking a person out of the clear-text view: rows, and the bytes that dead rows would keep.

use decider::WorkspaceId;
use event_store::projection::{Projection, enter_schema, fence, schemas_of};
use sqlx::{Connection, PgPool, Row};
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

/// The tables that hold clear text.
const TABLES: [&str; 3] = ["lookup_person", "lookup_email", "lookup_term"];

/// Every table of the view, of every version and build, with its schema.
///
/// # Errors
/// When the database fails.
pub async fn clear_tables(pool: &PgPool) -> Result<Vec<String>, sqlx::Error> {
    let schemas = schemas_of(pool, Lookup::NAME).await?;
    let tables = |schema: &String| TABLES.map(|table| format!("{schema}.{table}"));
    Ok(schemas.iter().flat_map(tables).collect())
}

/// Deletes every row about a person and rewrites the tables of the view, of every version and build, so that no dead row keeps
/// their words. To be called after their keys were destroyed and every server has dropped them: then a rebuild, or a batch
/// that was under way, brings nothing back either, since each reads its place and the keys again. Readers wait while the tables
/// are rewritten. Answers what was rewritten.
///
/// # Errors
/// When the database fails or somebody holds a table; the builds done so far stay done, and a repeat does all again.
pub async fn forget(
    pool: &PgPool,
    ws: WorkspaceId,
    subject: Uuid,
) -> Result<Vec<String>, sqlx::Error> {
    let mut rewritten = Vec::new();
    for schema in schemas_of(pool, Lookup::NAME).await? {
        match forget_in(pool, ws, (&schema, subject)).await {
            Ok(()) => rewritten.extend(TABLES.map(|table| format!("{schema}.{table}"))),
            Err(_) if was_dropped(pool, &schema).await? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rewritten)
}

/// How many rows about a person there are in any version and build of the view.
///
/// # Errors
/// When the database fails.
pub async fn remembered(pool: &PgPool, ws: WorkspaceId, subject: Uuid) -> Result<u64, sqlx::Error> {
    let mut found = 0;
    for schema in schemas_of(pool, Lookup::NAME).await? {
        match remembered_in(pool, ws, (&schema, subject)).await {
            Ok(rows) => found += rows,
            Err(_) if was_dropped(pool, &schema).await? => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

async fn remembered_in(
    pool: &PgPool,
    ws: WorkspaceId,
    (schema, subject): (&str, Uuid),
) -> Result<u64, sqlx::Error> {
    let mut transaction = pool.begin().await?;
    enter_schema(&mut transaction, schema).await?;
    let row = sqlx::query(include_str!("remembered.sql"))
        .bind(ws.0)
        .bind(subject)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.rollback().await?;
    Ok(u64::try_from(row.try_get::<i64, _>("rows")?).unwrap_or(0))
}

/// A build may be given up or retired at the same time: its tables take their words along.
async fn was_dropped(pool: &PgPool, schema: &str) -> Result<bool, sqlx::Error> {
    let left = schemas_of(pool, Lookup::NAME).await?;
    Ok(!left.iter().any(|left| left == schema))
}

async fn forget_in(pool: &PgPool, ws: WorkspaceId, place: (&str, Uuid)) -> Result<(), sqlx::Error> {
    let mut attempt = 1;
    loop {
        match forget_once(pool, ws, place).await {
            Err(error) if was_overtaken(&error) && attempt < ATTEMPTS_MAX => attempt += 1,
            outcome => return outcome,
        }
    }
}

async fn forget_once(
    pool: &PgPool,
    ws: WorkspaceId,
    (schema, subject): (&str, Uuid),
) -> Result<(), sqlx::Error> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    enter_schema(&mut transaction, schema).await?;
    // Whoever wants to read while a rewrite waits for somebody waits, too: so no rewrite waits for long.
    sqlx::query(include_str!("lock_briefly.sql")).execute(&mut *transaction).await?;
    // A batch that has read the rows already must not write them back.
    fence(&mut transaction, ws, schema).await?;
    // Whoever is writing now, such as a rebuild, has written when the deletion looks.
    sqlx::query(include_str!("lock_tables.sql")).execute(&mut *transaction).await?;
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
