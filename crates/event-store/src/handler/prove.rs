//! Proving refusals: a refusal decided on remembered state counts only if what it read is still so.

use decider::{CommandId, LogPosition, WorkspaceId};
use sqlx::{AssertSqlSafe, PgPool, Row};
use uuid::Uuid;

use super::desk::Reads;
use crate::log::{CommandRow, LogError, bounded};

/// How the world looks now, in the order asked.
pub struct Now {
    pub versions: Vec<i32>,
    pub claims: Vec<i32>,
    /// The accepted command under each id, if there is one.
    pub repeated: Vec<Option<CommandRow>>,
    pub directory: u64,
}

/// What several refusals read, side by side.
pub struct Asked<'a> {
    pub reads: Vec<&'a Reads>,
    pub ids: Vec<CommandId>,
}

/// Reads everything that refusals depend on, in one statement and thus at one instant. Before that it waits for the appends
/// that wait already: one of them may carry the same command, sent by a node that has given it up or is gone, and must not
/// take effect after the command was refused.
pub async fn look(pool: &PgPool, ws: WorkspaceId, asked: &Asked<'_>) -> Result<Now, LogError> {
    let streams: Vec<Uuid> = asked
        .reads
        .iter()
        .flat_map(|reads| reads.streams.iter().map(|(stream, _)| stream.id))
        .collect();
    let (scopes, macs): (Vec<&str>, Vec<Vec<u8>>) = asked
        .reads
        .iter()
        .flat_map(|reads| reads.claims.iter().map(|(scope, mac, _)| (*scope, mac.to_vec())))
        .unzip();
    let asking = async {
        // In a later statement than the lock: a statement that waited would still look at its old snapshot.
        let mut transaction = pool.begin_with(AssertSqlSafe(behind_appends(ws))).await?;
        let row = sqlx::query(include_str!("sql/prove.sql"))
            .bind(ws.0)
            .bind(streams)
            .bind(scopes)
            .bind(macs)
            .bind(asked.ids.iter().map(|id| id.0).collect::<Vec<_>>())
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok::<_, sqlx::Error>(row)
    };
    let row = bounded(asking).await?;
    let repeated: Vec<Option<i64>> = row.try_get("repeated_pos")?;
    let counts: Vec<Option<i32>> = row.try_get("repeated_n")?;
    let hashes: Vec<Option<Vec<u8>>> = row.try_get("repeated_hash")?;
    let repeated = repeated
        .into_iter()
        .zip(counts.into_iter().zip(hashes))
        .map(|(first_pos, (n, body_hash))| {
            Some(CommandRow {
                first_pos: LogPosition(u64::try_from(first_pos?).unwrap_or(0)),
                events: u32::try_from(n?).unwrap_or(0),
                body_hash: body_hash?,
            })
        })
        .collect();
    Ok(Now {
        versions: row.try_get("versions")?,
        claims: row.try_get("claims")?,
        repeated,
        directory: u64::try_from(row.try_get::<i64, _>("directory")?).unwrap_or(0),
    })
}

/// Shared: proofs do not wait for one another. A workspace id is no text that could be anything else.
fn behind_appends(ws: WorkspaceId) -> String {
    let ws = ws.0;
    format!(
        "begin; set local lock_timeout = '6s'; select pg_advisory_xact_lock_shared(hashtextextended('{ws}', 7))"
    )
}
