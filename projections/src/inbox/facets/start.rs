//! Where the index comes from: the narrow columns of the inbox's tables, page by page as of one instant, and the checkpoint
//! they stand at.

use decider::WorkspaceId;
use event_store::projection::{Row as _, read_standing};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::index::Index;
use super::kept::Kept;
use crate::inbox::{PipelineRow, statuses};

/// Rows of one read: what is not in the index yet is never more.
const ROWS_MAX: i64 = 5_000;

/// Whether readers find the inbox in another schema by now.
pub(super) async fn has_moved(pool: &PgPool, from: &str) -> Result<bool, sqlx::Error> {
    let row = sqlx::query(include_str!("start_schema.sql")).fetch_optional(pool).await?;
    let present: Option<String> = row.map(|row| row.try_get("name")).transpose()?;
    Ok(present.as_deref() != Some(from))
}

/// Reads the index of a workspace from the tables.
pub(super) async fn read(pool: &PgPool, ws: WorkspaceId) -> Result<(Index, String), sqlx::Error> {
    // One snapshot: rows and checkpoint belong together.
    let begin = "begin isolation level repeatable read read only";
    let mut transaction = pool.begin_with(begin).await?;
    let schema: String = sqlx::query(include_str!("start_schema.sql"))
        .fetch_one(&mut *transaction)
        .await?
        .try_get("name")?;
    let mut index = Index::default();
    let (checkpoint, without) = read_standing(&mut transaction, ws, &schema).await?;
    (index.checkpoint, index.without) = (checkpoint, without);
    read_pipelines(&mut transaction, ws, &mut index).await?;
    read_tickets(&mut transaction, ws, &mut index).await?;
    read_mentions(&mut transaction, ws, &mut index).await?;
    transaction.commit().await?;
    Ok((index, schema))
}

async fn read_pipelines(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    index: &mut Index,
) -> Result<(), sqlx::Error> {
    for row in statuses(&mut *connection, ws).await? {
        index.statuses.insert(row.status, row);
    }
    let rows =
        sqlx::query(include_str!("start_pipelines.sql")).bind(ws.0).fetch_all(connection).await?;
    for row in &rows {
        let row = PipelineRow::read(row)?;
        index.pipelines.insert(row.pipeline, row);
    }
    Ok(())
}

async fn read_tickets(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    index: &mut Index,
) -> Result<(), sqlx::Error> {
    let mut after = Uuid::nil();
    loop {
        let rows = sqlx::query(include_str!("start_tickets.sql"))
            .bind(ws.0)
            .bind(after)
            .bind(ROWS_MAX)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            let kept = kept(row)?;
            after = kept.ticket;
            index.push(&kept);
        }
        if (rows.len() as i64) < ROWS_MAX {
            return Ok(());
        }
        // Others have their turn.
        tokio::task::yield_now().await;
    }
}

async fn read_mentions(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    index: &mut Index,
) -> Result<(), sqlx::Error> {
    let mut after = (Uuid::nil(), Uuid::nil());
    loop {
        let rows = sqlx::query(include_str!("start_mentions.sql"))
            .bind(ws.0)
            .bind(after.0)
            .bind(after.1)
            .bind(ROWS_MAX)
            .fetch_all(&mut *connection)
            .await?;
        for row in &rows {
            after = (row.try_get("user_id")?, row.try_get("ticket")?);
            index.mention(after.0, after.1);
        }
        if (rows.len() as i64) < ROWS_MAX {
            return Ok(());
        }
    }
}

fn kept(row: &PgRow) -> Result<Kept, sqlx::Error> {
    Ok(Kept {
        ticket: row.try_get("ticket")?,
        number: row.try_get("number")?,
        pipeline: row.try_get("pipeline")?,
        status: row.try_get("status")?,
        priority: row.try_get("priority")?,
        category: row.try_get("category")?,
        source: row.try_get("source")?,
        owner_user: row.try_get("owner_user")?,
        owner_team: row.try_get("owner_team")?,
        tags: row.try_get("tags")?,
        created_at: row.try_get("created_at")?,
        last_activity_at: row.try_get("last_activity_at")?,
        version: row.try_get("version")?,
    })
}
