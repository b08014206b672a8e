//! Heads of the log that were signed: kept here until somebody fetches them to keep them elsewhere.

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};

use crate::error::OpsError;

/// The signed heads of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct SignedHeads {
    db: PgPool,
}

/// A signed head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptHead {
    /// The number of its commit.
    pub commit: u64,
    /// The signed document.
    pub document: String,
}

impl SignedHeads {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db }
    }

    /// Keeps a head. The first of a commit counts: several servers may sign the same one.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keep(
        &self,
        ws: WorkspaceId,
        head: &KeptHead,
        signed_at: Timestamp,
    ) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/signed_head_insert.sql"))
            .bind(ws.0)
            .bind(i64::try_from(head.commit).unwrap_or(i64::MAX))
            .bind(signed_at.as_micros())
            .bind(&head.document)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// The newest commit whose head was signed, and when that was.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn newest(&self, ws: WorkspaceId) -> Result<Option<(u64, Timestamp)>, OpsError> {
        let row = sqlx::query(include_str!("sql/signed_head_newest.sql"))
            .bind(ws.0)
            .fetch_optional(&self.db)
            .await?;
        row.map(|row| Ok((number(row.try_get(0)?)?, Timestamp::from_micros(row.try_get(1)?))))
            .transpose()
    }

    /// Heads of commits before a number, newest first; with none, from the newest of all.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(
        &self,
        ws: WorkspaceId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<KeptHead>, OpsError> {
        let before = before.and_then(|number| i64::try_from(number).ok()).unwrap_or(i64::MAX);
        let rows = sqlx::query(include_str!("sql/signed_head_page.sql"))
            .bind(ws.0)
            .bind(before)
            .bind(i64::from(limit))
            .fetch_all(&self.db)
            .await?;
        rows.iter()
            .map(|row| Ok(KeptHead { commit: number(row.try_get(0)?)?, document: row.try_get(1)? }))
            .collect()
    }
}

fn number(stored: i64) -> Result<u64, OpsError> {
    u64::try_from(stored).map_err(|_| OpsError::Malformed)
}
