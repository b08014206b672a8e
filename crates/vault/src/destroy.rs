//! Destroying keys: in the database, and in the memory of this and other nodes.

use decider::WorkspaceId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::VaultError;
use crate::key_ring::Known;
use crate::vault::Vault;

impl Vault {
    /// Destroys keys: their rows are deleted, and what they sealed is forgotten here at once. Answers how many existed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destroy_keys(&self, ws: WorkspaceId, key_ids: &[Uuid]) -> Result<u64, VaultError> {
        let mut connection = self.shared.db.acquire().await?;
        let destroyed = self.destroy_keys_in(&mut connection, ws, key_ids).await?;
        self.remember_destroyed(ws, key_ids);
        Ok(destroyed)
    }

    /// The same inside the caller's transaction. After its commit call [`Self::remember_destroyed`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn destroy_keys_in(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
        key_ids: &[Uuid],
    ) -> Result<u64, VaultError> {
        let rows = sqlx::query(include_str!("sql/keys_destroy.sql"))
            .bind(ws.0)
            .bind(key_ids)
            .fetch_all(connection)
            .await?;
        Ok(rows.len() as u64)
    }

    /// These keys were destroyed in the database: nothing reads them from memory any more.
    pub fn remember_destroyed(&self, ws: WorkspaceId, key_ids: &[Uuid]) {
        self.shared.ring.keys.overrule(key_ids.iter().map(|id| ((ws, *id), Known::Destroyed)));
    }

    /// Drops keys from memory; the next use asks the database. For nodes that hear of an erasure elsewhere.
    pub fn forget_cached(&self, ws: WorkspaceId, key_ids: &[Uuid]) {
        let names: Vec<_> = key_ids.iter().map(|id| (ws, *id)).collect();
        self.shared.ring.keys.remove(&names);
    }

    /// Drops every key from memory: for work that hears of an erasure, but not of which keys it destroyed.
    pub fn forget_all_cached(&self) {
        self.shared.ring.keys.remove_where(|_| true);
    }
}
