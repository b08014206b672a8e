//! Whom keys concern: what erasure asks before it destroys any. It reads whole tables, which it alone can afford.

use std::collections::{BTreeSet, HashMap};

use decider::{KeyScope, WorkspaceId};
use sqlx::Row;
use uuid::Uuid;

use crate::error::VaultError;
use crate::vault::Vault;

/// A key that concerns a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAbout {
    /// The key.
    pub key: Uuid,
    /// What it belongs to: the stored word ([`decider::KeyKind::as_str`]).
    pub kind: String,
    /// The id of that content, person, ticket or draft.
    pub scope: Uuid,
}

impl Vault {
    /// The keys that concern a person, destroyed ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn keys_about(
        &self,
        ws: WorkspaceId,
        person: Uuid,
    ) -> Result<Vec<KeyAbout>, VaultError> {
        let rows = sqlx::query(include_str!("sql/keys_about.sql"))
            .bind(ws.0)
            .bind(person)
            .fetch_all(&self.shared.db)
            .await?;
        let about = |row: &sqlx::postgres::PgRow| {
            Ok(KeyAbout {
                key: row.try_get("key_id")?,
                kind: row.try_get("kind")?,
                scope: row.try_get("scope_id")?,
            })
        };
        rows.iter().map(about).collect()
    }

    /// The persons that keys concern; a key that concerns nobody is missing.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn subjects_of(
        &self,
        ws: WorkspaceId,
        keys: &[Uuid],
    ) -> Result<HashMap<Uuid, BTreeSet<Uuid>>, VaultError> {
        let rows = sqlx::query(include_str!("sql/subjects_of_keys.sql"))
            .bind(ws.0)
            .bind(keys)
            .fetch_all(&self.shared.db)
            .await?;
        let mut found: HashMap<Uuid, BTreeSet<Uuid>> = HashMap::new();
        for row in rows {
            found.entry(row.try_get("key_id")?).or_default().insert(row.try_get("subject")?);
        }
        Ok(found)
    }

    /// All keys ever assigned to a person, ticket or draft, destroyed ones included.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn assigned(
        &self,
        ws: WorkspaceId,
        scope: &KeyScope,
    ) -> Result<Vec<Uuid>, VaultError> {
        let mut connection = self.shared.db.acquire().await?;
        let assigned = self.assigned_in(&mut connection, ws, scope).await?;
        Ok(assigned.into_iter().map(|(key, _)| key).collect())
    }
}
