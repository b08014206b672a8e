//! Refused requests, for audit: who, when, what was refused, with which code. Never content, never a path with its values.

use decider::{Actor, Timestamp, WorkspaceId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::error::OpsError;

/// The refusals of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Refusals {
    db: PgPool,
}

/// A refused request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// When.
    pub at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// The stable code of the answer.
    pub code: &'a str,
    /// The method.
    pub method: &'a str,
    /// The route as it is declared, such as `/tickets/{id}`.
    pub path_template: &'a str,
}

impl Refusals {
    pub(crate) fn new(db: PgPool) -> Self {
        Self { db }
    }

    /// Records a refusal.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record(&self, ws: WorkspaceId, refusal: Refusal<'_>) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/refusal_insert.sql"))
            .bind(ws.0)
            .bind(Uuid::now_v7())
            .bind(refusal.at.as_micros())
            .bind(refusal.actor.to_string())
            .bind(refusal.code)
            .bind(refusal.method)
            .bind(refusal.path_template)
            .execute(&self.db)
            .await?;
        Ok(())
    }
}
