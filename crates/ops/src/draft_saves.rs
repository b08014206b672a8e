//! Saves of drafts that came with an idempotency key. The words of a draft are no event, so the log does not remember their
//! saves; without this a late repeat would bring old words back (W02).

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::drafts::{DraftBodies, DraftName};
use crate::error::OpsError;

/// How long a save is remembered, in seconds: the contract says at least a day.
pub(crate) const REMEMBERED_S: i64 = 2 * 24 * 60 * 60;

/// A save with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyedSave {
    /// Keyed hash of the idempotency key.
    pub key_mac: [u8; 32],
    /// Keyed hash of what was asked.
    pub body_mac: [u8; 32],
}

impl DraftBodies {
    /// The save that this user sent with this key before: the draft, and whether it asked for the same.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn saved_before(
        &self,
        (ws, user): (WorkspaceId, Uuid),
        save: &KeyedSave,
    ) -> Result<Option<(Uuid, bool)>, OpsError> {
        let row = sqlx::query(include_str!("sql/draft_save_seen.sql"))
            .bind(ws.0)
            .bind(user)
            .bind(save.key_mac.to_vec())
            .fetch_optional(self.db())
            .await?;
        row.map(|row| {
            Ok((row.try_get("draft_id")?, row.try_get::<Vec<u8>, _>("body_mac")? == save.body_mac))
        })
        .transpose()
    }
}

/// Remembers a save in the transaction that does it: were it lost in between, a late repeat would bring old words back.
pub(crate) async fn remember_in(
    connection: &mut PgConnection,
    name: &DraftName,
    save: &KeyedSave,
    now: Timestamp,
) -> Result<(), OpsError> {
    sqlx::query(include_str!("sql/draft_save_keep.sql"))
        .bind(name.ws.0)
        .bind(name.user)
        .bind(save.key_mac.to_vec())
        .bind(save.body_mac.to_vec())
        .bind(name.draft)
        .bind(now.as_micros())
        .execute(connection)
        .await?;
    Ok(())
}
