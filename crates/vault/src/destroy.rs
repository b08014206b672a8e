//! Destroying keys: in the database, and in the memory of this and other nodes.

use std::collections::HashMap;

use decider::{Timestamp, WorkspaceId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::VaultError;
use crate::key_ring::{Known, Tombstone};
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
        self.shared
            .ring
            .keys
            .overrule(key_ids.iter().map(|id| ((ws, *id), Known::Destroyed(None))));
    }

    /// Destroys keys because of an erasure, which is noted beside each of them, inside the caller's transaction. Those that
    /// were destroyed before stay as they are. After the commit call [`Self::forget_all_cached`].
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn bury_keys_in(
        &self,
        connection: &mut PgConnection,
        ws: WorkspaceId,
        key_ids: &[Uuid],
        tombstone: Tombstone,
    ) -> Result<(), VaultError> {
        sqlx::query(include_str!("sql/keys_bury.sql"))
            .bind(ws.0)
            .bind(key_ids)
            .bind(tombstone.erasure)
            .bind(tombstone.at.as_micros())
            .execute(connection)
            .await?;
        Ok(())
    }

    /// The keys that an erasure destroyed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn buried(&self, ws: WorkspaceId, erasure: Uuid) -> Result<Vec<Uuid>, VaultError> {
        let rows = sqlx::query(include_str!("sql/keys_buried.sql"))
            .bind(ws.0)
            .bind(erasure)
            .fetch_all(&self.shared.db)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("key_id")?)).collect()
    }

    /// Which of these keys still exist, as the database says at this moment.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn alive(&self, ws: WorkspaceId, key_ids: &[Uuid]) -> Result<Vec<Uuid>, VaultError> {
        let rows = sqlx::query(include_str!("sql/keys_alive.sql"))
            .bind(ws.0)
            .bind(key_ids)
            .fetch_all(&self.shared.db)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("key_id")?)).collect()
    }

    /// The erasure that destroyed a key, if it is known here: after [`Self::load_keys`] it is.
    #[must_use]
    pub fn tombstone_cached(&self, ws: WorkspaceId, key_id: Uuid) -> Option<Tombstone> {
        match self.shared.ring.keys.get(&(ws, key_id))? {
            Known::Alive(_) => None,
            Known::Destroyed(tombstone) => tombstone,
        }
    }

    pub(crate) async fn tombstones(
        &self,
        ws: WorkspaceId,
        key_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Tombstone>, VaultError> {
        let rows = sqlx::query(include_str!("sql/tombstones_load.sql"))
            .bind(ws.0)
            .bind(key_ids)
            .fetch_all(&self.shared.db)
            .await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            let at = Timestamp::from_micros(row.try_get("at_us")?);
            let tombstone = Tombstone { erasure: row.try_get("erasure")?, at };
            found.insert(row.try_get("key_id")?, tombstone);
        }
        Ok(found)
    }

    /// Writes the table of keys anew, so that no dead row keeps the bytes of a destroyed key. Whoever needs a key that is not
    /// in memory waits meanwhile. Not tried for longer than two seconds where somebody holds the table.
    ///
    /// # Errors
    /// When the database does not answer, or somebody holds the table.
    pub async fn rewrite_keys(&self) -> Result<(), VaultError> {
        sqlx::query(include_str!("sql/keys_rewrite.sql")).execute(&self.shared.db).await?;
        Ok(())
    }

    /// Drops keys from memory; the next use asks the database. For nodes that hear of an erasure elsewhere.
    pub fn forget_cached(&self, ws: WorkspaceId, key_ids: &[Uuid]) {
        let names: Vec<_> = key_ids.iter().map(|id| (ws, *id)).collect();
        self.shared.ring.keys.remove(&names);
    }

    /// Drops keys that have been in memory for [`crate::KEY_AGE_MAX`] and are not used any more. Call it every few seconds.
    pub fn drop_old_keys(&self) {
        self.shared.ring.keys.drop_old();
        self.shared.ring.scopes.drop_old();
    }

    /// Drops every key from memory; the next use of each asks the database. For whoever hears of an erasure.
    pub fn forget_all_cached(&self) {
        self.shared.ring.keys.remove_where(|_| true);
    }
}
