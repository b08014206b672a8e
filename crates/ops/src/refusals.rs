//! Refused requests, for audit: who, when, what was refused, with which code. Never content, never a path with its values. The
//! same within one minute is one row that counts, so that trying again and again fills nothing.

use decider::{Actor, Timestamp, WorkspaceId};
use sqlx::{PgPool, Row};
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

/// Refusals of one kind within one minute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalRow {
    /// Their id.
    pub id: Uuid,
    /// When the first came.
    pub at: Timestamp,
    /// Who asked.
    pub actor: String,
    /// The stable code of the answer.
    pub code: String,
    /// The method.
    pub method: String,
    /// The route as it is declared.
    pub path_template: String,
    /// How many.
    pub times: u32,
}

/// A part of an order from the newest to the oldest. Instants are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// It begins after this place.
    pub before: (i64, Uuid),
    /// Nothing is older than this instant.
    pub from: i64,
    /// How many rows at most.
    pub limit: u32,
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
            .bind(id_of(ws, &refusal))
            .bind(refusal.at.as_micros())
            .bind(refusal.actor.to_string())
            .bind(refusal.code)
            .bind(refusal.method)
            .bind(refusal.path_template)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// The newest refusals of a workspace, before a place in their order, of one actor if one is named.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn page(
        &self,
        ws: WorkspaceId,
        stretch: Stretch,
        actor: Option<&str>,
    ) -> Result<Vec<RefusalRow>, OpsError> {
        let rows = sqlx::query(include_str!("sql/refusal_page.sql"))
            .bind(ws.0)
            .bind(stretch.before.0)
            .bind(stretch.before.1)
            .bind(stretch.from)
            .bind(actor)
            .bind(i64::from(stretch.limit))
            .fetch_all(&self.db)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(RefusalRow {
                    id: row.try_get("refusal_id")?,
                    at: Timestamp::from_micros(row.try_get("at_us")?),
                    actor: row.try_get("actor")?,
                    code: row.try_get("code")?,
                    method: row.try_get("method")?,
                    path_template: row.try_get("path_template")?,
                    times: u32::try_from(row.try_get::<i32, _>("times")?).unwrap_or(0),
                })
            })
            .collect()
    }
}

/// The same for the same within one minute.
fn id_of(ws: WorkspaceId, refusal: &Refusal<'_>) -> Uuid {
    let Refusal { at, actor, code, method, path_template } = refusal;
    let minute = at.as_micros().div_euclid(60_000_000);
    let name = format!("refusal\n{actor}\n{code}\n{method}\n{path_template}\n{minute}");
    Uuid::new_v5(&ws.0, name.as_bytes())
}
