//! Where a projection stands in the log. Rows are only inserted: the primary key fences an owner that was overtaken.

use decider::{LogPosition, WorkspaceId};
use sqlx::{PgConnection, Row};

use crate::log::ZERO_HASH;

/// How many checkpoints are kept at least.
pub(super) const CHECKPOINTS_KEPT: u64 = 100;

/// Where a projection stands: everything up to `position` is in its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of the checkpoint, 1, 2, 3 …; 0 before the first.
    pub seq: u64,
    /// The last folded position.
    pub position: LogPosition,
    /// The last folded commit.
    pub commit: u64,
    /// Its chain hash.
    pub hash: [u8; 32],
}

impl Checkpoint {
    /// Before the first event.
    pub const START: Self = Self { seq: 0, position: LogPosition(0), commit: 0, hash: ZERO_HASH };
}

pub(super) async fn read(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
) -> Result<Checkpoint, sqlx::Error> {
    let row = sqlx::query(include_str!("sql/checkpoint_read.sql"))
        .bind(ws.0)
        .bind(schema)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(Checkpoint::START) };
    let hash: &[u8] = row.try_get("hash")?;
    Ok(Checkpoint {
        seq: unsigned(row.try_get("seq")?),
        position: LogPosition(unsigned(row.try_get("pos")?)),
        commit: unsigned(row.try_get("commit_no")?),
        hash: hash
            .try_into()
            .map_err(|_| sqlx::Error::Decode("a chain hash has 32 bytes".into()))?,
    })
}

/// Answers whether it follows the newest; when not, nothing was inserted: another owner has gone on, perhaps so far that the
/// row that would have met this one is pruned, or a crash took back the checkpoint this one stands on.
pub(super) async fn insert(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
    checkpoint: &Checkpoint,
) -> Result<bool, sqlx::Error> {
    let inserted = sqlx::query(include_str!("sql/checkpoint_insert.sql"))
        .bind(ws.0)
        .bind(schema)
        .bind(signed(checkpoint.seq))
        .bind(signed(checkpoint.position.0))
        .bind(signed(checkpoint.commit))
        .bind(&checkpoint.hash[..])
        .execute(connection)
        .await?;
    Ok(inserted.rows_affected() == 1)
}

/// Makes every batch in flight fail, as if another owner had gone on: for a change of rows that is not an event, in the same
/// transaction. The projector reads the rows again and goes on.
///
/// # Errors
/// When the database fails.
pub async fn fence(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let fenced = sqlx::query(include_str!("sql/checkpoint_fence.sql"))
        .bind(ws.0)
        .bind(schema)
        .execute(&mut *connection)
        .await?;
    if fenced.rows_affected() == 0 {
        sqlx::query(include_str!("sql/checkpoint_fence_first.sql"))
            .bind(ws.0)
            .bind(schema)
            .bind(&ZERO_HASH[..])
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn prune(
    connection: &mut PgConnection,
    ws: WorkspaceId,
    schema: &str,
    newest: u64,
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("sql/checkpoint_prune.sql"))
        .bind(ws.0)
        .bind(schema)
        .bind(signed(newest.saturating_sub(CHECKPOINTS_KEPT)))
        .execute(connection)
        .await?;
    Ok(())
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
