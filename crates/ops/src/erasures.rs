//! How far erasures are carried out: which servers run and have dropped destroyed keys, which tables were written anew.

use std::time::Duration;

use decider::WorkspaceId;
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::{KEY_AGE_MAX, Tombstone, Vault};

use crate::error::OpsError;

/// A server counts as running for so long after it was last heard of.
const LEASE: Duration = Duration::from_secs(20);
/// The table of keys.
pub const KEYS_RELATION: &str = "vault.key";

/// Erasures of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Erasures {
    db: PgPool,
    vault: Vault,
}

/// Whom a finished erasure waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Servers that have dropped the keys.
    pub acknowledged: u32,
    /// Servers that run and have not.
    pub awaited: u32,
    /// Servers that were not heard of since, and have not.
    pub silent: u32,
    /// How long ago the keys were destroyed.
    pub destroyed_ago: Duration,
}

impl Standing {
    /// Whether no server can use the keys any more: those that run have dropped them, and those that are silent have not been
    /// able to use a key for longer than any stays in memory.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.awaited == 0 && (self.silent == 0 || self.destroyed_ago > KEY_AGE_MAX)
    }
}

/// A table that had to be written anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// Its name, with its schema.
    pub relation: String,
    /// Whether it was.
    pub rewritten: bool,
    /// Whether it lies in another file now than when the keys were destroyed, or exists no longer.
    pub moved: bool,
}

impl Erasures {
    pub(crate) fn new(db: PgPool, vault: Vault) -> Self {
        Self { db, vault }
    }

    /// This server runs, and goes on doing so.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn beat(&self, ws: WorkspaceId, node: Uuid) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/node_beat.sql"))
            .bind(ws.0)
            .bind(node)
            .bind(LEASE.as_secs_f64())
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// This server ends, and its memory with it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn leave(&self, ws: WorkspaceId, node: Uuid) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/node_leave.sql"))
            .bind(ws.0)
            .bind(node)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Whether a server of the workspace runs, or ended without saying so a moment ago.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn any_server(&self, ws: WorkspaceId) -> Result<bool, OpsError> {
        let row = sqlx::query(include_str!("sql/node_any.sql")).bind(ws.0).fetch_one(&self.db);
        Ok(row.await?.try_get(0)?)
    }

    /// This server is the only one there can be: whoever was before it has ended, and its memory with it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn alone(&self, ws: WorkspaceId, node: Uuid) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/node_alone.sql"))
            .bind(ws.0)
            .bind(node)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Forgets servers that were not heard of for a day.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn prune_nodes(&self, ws: WorkspaceId) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/node_prune.sql")).bind(ws.0).execute(&self.db).await?;
        Ok(())
    }

    /// Destroys the keys of an erasure, notes in which files the tables lie that must be written anew, and drops the keys
    /// here. Answers every key this erasure has destroyed, now or before a crash.
    ///
    /// # Errors
    /// When the database does not answer; then nothing was destroyed.
    pub async fn destroy(
        &self,
        ws: WorkspaceId,
        tombstone: Tombstone,
        keys: &[Uuid],
        relations: &[String],
    ) -> Result<Vec<Uuid>, OpsError> {
        let mut tx = self.db.begin().await?;
        sqlx::query(include_str!("sql/erasure_destroyed.sql"))
            .bind(ws.0)
            .bind(tombstone.erasure)
            .execute(&mut *tx)
            .await?;
        sqlx::query(include_str!("sql/erasure_storage_note.sql"))
            .bind(ws.0)
            .bind(tombstone.erasure)
            .bind(relations)
            .execute(&mut *tx)
            .await?;
        self.vault.bury_keys_in(&mut tx, ws, keys, tombstone).await?;
        tx.commit().await?;
        self.vault.forget_all_cached();
        Ok(self.vault.buried(ws, tombstone.erasure).await?)
    }

    /// Drops every key from this server's memory if an erasure asks for it, and says so. Answers whether one did.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn acknowledge(&self, ws: WorkspaceId, node: Uuid) -> Result<bool, OpsError> {
        let rows = sqlx::query(include_str!("sql/erasure_unacknowledged.sql"))
            .bind(ws.0)
            .bind(node)
            .fetch_all(&self.db)
            .await?;
        if rows.is_empty() {
            return Ok(false);
        }
        let mut erasures = Vec::with_capacity(rows.len());
        for row in rows {
            erasures.push(row.try_get::<Uuid, _>("erasure_id")?);
        }
        self.vault.forget_all_cached();
        sqlx::query(include_str!("sql/erasure_acknowledge.sql"))
            .bind(ws.0)
            .bind(erasures)
            .bind(node)
            .execute(&self.db)
            .await?;
        Ok(true)
    }

    /// Whom an erasure waits for; none when its keys were not destroyed yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn standing(
        &self,
        ws: WorkspaceId,
        erasure: Uuid,
    ) -> Result<Option<Standing>, OpsError> {
        let row = sqlx::query(include_str!("sql/erasure_standing.sql"))
            .bind(ws.0)
            .bind(erasure)
            .fetch_optional(&self.db)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let count = |name: &str| -> Result<u32, OpsError> {
            Ok(u32::try_from(row.try_get::<i64, _>(name)?).unwrap_or(u32::MAX))
        };
        let seconds: f64 = row.try_get("seconds_ago")?;
        Ok(Some(Standing {
            acknowledged: count("acknowledged")?,
            awaited: count("awaited")?,
            silent: count("silent")?,
            destroyed_ago: Duration::from_secs_f64(seconds.max(0.0)),
        }))
    }

    /// The tables that have to be written anew for an erasure.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn storage(&self, ws: WorkspaceId, erasure: Uuid) -> Result<Vec<Storage>, OpsError> {
        let rows = sqlx::query(include_str!("sql/erasure_storage.sql"))
            .bind(ws.0)
            .bind(erasure)
            .fetch_all(&self.db)
            .await?;
        let storage = |row: &sqlx::postgres::PgRow| {
            Ok(Storage {
                relation: row.try_get("relation")?,
                rewritten: row.try_get("rewritten")?,
                moved: row.try_get("moved")?,
            })
        };
        rows.iter().map(storage).collect()
    }

    /// These tables were written anew after the keys of the erasure were gone everywhere.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn rewritten(
        &self,
        ws: WorkspaceId,
        erasure: Uuid,
        relations: &[String],
    ) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/erasure_storage_rewritten.sql"))
            .bind(ws.0)
            .bind(erasure)
            .bind(relations)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Nobody has to hear of this erasure any more.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn done(&self, ws: WorkspaceId, erasure: Uuid) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/erasure_done.sql"))
            .bind(ws.0)
            .bind(erasure)
            .execute(&self.db)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silent_server_holds_an_erasure_up_only_as_long_as_a_key_stays_in_memory_z06() {
        let standing = |awaited, silent, seconds| Standing {
            acknowledged: 1,
            awaited,
            silent,
            destroyed_ago: Duration::from_secs(seconds),
        };
        assert!(standing(0, 0, 0).is_settled());
        assert!(!standing(1, 0, 10_000).is_settled(), "it runs: it will answer");
        assert!(!standing(0, 1, 30).is_settled());
        assert!(standing(0, 1, KEY_AGE_MAX.as_secs() + 1).is_settled());
    }
}
