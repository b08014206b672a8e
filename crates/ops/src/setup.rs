//! The one-time link with which the first administrator sets up a workspace.

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};

use crate::error::OpsError;
use crate::secret::{Secret, hash_of};

const VALID_S: i64 = 24 * 3600;

/// Setup tokens. Cheap to clone.
#[derive(Clone)]
pub struct SetupTokens {
    db: PgPool,
}

impl SetupTokens {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db }
    }

    /// A new token, valid for a day. The one before it is no longer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn issue_setup(&self, ws: WorkspaceId, now: Timestamp) -> Result<Secret, OpsError> {
        let secret = Secret::random("");
        sqlx::query(include_str!("sql/setup_issue.sql"))
            .bind(ws.0)
            .bind(hash_of(secret.expose()).as_slice())
            .bind(now.plus_seconds(VALID_S).as_micros())
            .execute(&self.db)
            .await?;
        Ok(secret)
    }

    /// The workspace the token would set up; the token stays valid.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn peek_setup(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<WorkspaceId>, OpsError> {
        self.find(include_str!("sql/setup_peek.sql"), token, now).await
    }

    /// The workspace to set up. Of all who come with the same token, one gets it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn consume_setup(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<WorkspaceId>, OpsError> {
        self.find(include_str!("sql/setup_consume.sql"), token, now).await
    }

    async fn find(
        &self,
        statement: &'static str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<WorkspaceId>, OpsError> {
        let row = sqlx::query(statement)
            .bind(hash_of(token).as_slice())
            .bind(now.as_micros())
            .fetch_optional(&self.db)
            .await?;
        Ok(row.map(|row| row.try_get("ws")).transpose()?.map(WorkspaceId))
    }
}
