//! Files that were uploaded and wait to be attached. Name, type and clear hash are sealed with the key of the file.

use std::collections::HashMap;

use decider::{Cipher, KeyScope, Opened, SealId, Sealed, Timestamp, WorkspaceId};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};
use uuid::Uuid;
use vault::{ObjectRef, SealingKey, Vault};

use crate::error::OpsError;

const FIELD: &str = "upload";
/// An upload that nothing uses is kept so long.
const UNUSED_S: i64 = 24 * 3600;

/// Uploads of all workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Uploads {
    db: PgPool,
    vault: Vault,
}

/// What the uploader said about a file, and the hash of its clear bytes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadMeta {
    /// Its name.
    pub name: String,
    /// Its type.
    pub media_type: String,
    /// SHA-256 of the clear bytes, in hexadecimal.
    pub sha256: String,
}

impl std::fmt::Debug for UploadMeta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UploadMeta(***)")
    }
}

/// A file that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: Uuid,
    /// Who uploaded it.
    pub user: Uuid,
    /// What it is.
    pub meta: UploadMeta,
    /// Where its bytes are.
    pub object: ObjectRef,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// When it was attached.
    pub used_at: Option<Timestamp>,
}

/// A file whose bytes have been stored.
#[derive(Clone, Debug)]
pub struct NewUpload {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its id.
    pub id: Uuid,
    /// Who uploaded it.
    pub user: Uuid,
    /// What it is.
    pub meta: UploadMeta,
    /// Where its bytes are.
    pub object: ObjectRef,
}

/// A file that nothing uses and that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiredUpload {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its id.
    pub id: Uuid,
    /// Where its bytes are.
    pub object: ObjectRef,
}

impl Uploads {
    pub(crate) fn new(db: PgPool, vault: Vault) -> Self {
        Self { db, vault }
    }

    /// Records a file whose bytes were stored with `key` (the key of `upload.object`), and assigns the key to it. Whoever
    /// attaches the file adds the persons it is about: [`Vault::assign`] with the content scope of the upload's id.
    ///
    /// # Errors
    /// When something broke.
    pub async fn create(
        &self,
        upload: &NewUpload,
        key: &SealingKey,
        now: Timestamp,
    ) -> Result<(), OpsError> {
        let clear = serde_json::to_vec(&upload.meta).map_err(|_| OpsError::Malformed)?;
        let at = (upload.id, SealId(upload.id));
        let cipher = self.vault.seal(upload.ws, key, at, FIELD, &clear)?;
        let size = i64::try_from(upload.object.size).map_err(|_| OpsError::Malformed)?;
        let mut tx = self.db.begin().await?;
        let scope = KeyScope::content(upload.id, Vec::new());
        self.vault.assign_in(&mut tx, upload.ws, key.id, &scope).await?;
        sqlx::query(include_str!("sql/upload_insert.sql"))
            .bind(upload.ws.0)
            .bind(upload.id)
            .bind(upload.user)
            .bind(serde_json::to_vec(&cipher).map_err(|_| OpsError::Malformed)?)
            .bind(upload.object.key)
            .bind(&upload.object.hash)
            .bind(size)
            .bind(now.as_micros())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Those of the files that this user may name: the own ones, and those already attached (who may see those is a question
    /// of their ticket). A file whose key was destroyed is not among them.
    ///
    /// # Errors
    /// When something broke.
    pub async fn get(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Upload>, OpsError> {
        let rows = sqlx::query(include_str!("sql/upload_load.sql"))
            .bind(ws.0)
            .bind(user)
            .bind(ids)
            .fetch_all(&self.db)
            .await?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            keys.push(row.try_get("key_id")?);
        }
        self.vault.load_keys(ws, &keys).await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in &rows {
            if let Some(upload) = self.open(ws, row).await? {
                found.insert(upload.id, upload);
            }
        }
        Ok(found)
    }

    /// These files of the user are attached now. Answers which were not before.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn mark_used(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        ids: &[Uuid],
        now: Timestamp,
    ) -> Result<Vec<Uuid>, OpsError> {
        let rows = sqlx::query(include_str!("sql/upload_use.sql"))
            .bind(ws.0)
            .bind(user)
            .bind(ids)
            .bind(now.as_micros())
            .fetch_all(&self.db)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("upload_id")?)).collect()
    }

    /// Files older than a day that are neither attached nor held by a draft.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn expired(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ExpiredUpload>, OpsError> {
        let rows = sqlx::query(include_str!("sql/upload_expired.sql"))
            .bind(now.plus_seconds(-UNUSED_S).as_micros())
            .bind(i64::from(limit))
            .fetch_all(&self.db)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ExpiredUpload {
                    ws: WorkspaceId(row.try_get("ws")?),
                    id: row.try_get("upload_id")?,
                    object: object_of(row)?,
                })
            })
            .collect()
    }

    /// Forgets a file that nothing uses, with its key; then its bytes may be deleted from the object store. Answers false when
    /// it was attached meanwhile.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn discard(&self, upload: &ExpiredUpload) -> Result<bool, OpsError> {
        let mut tx = self.db.begin().await?;
        let gone = sqlx::query(include_str!("sql/upload_discard.sql"))
            .bind(upload.ws.0)
            .bind(upload.id)
            .execute(&mut *tx)
            .await?;
        if gone.rows_affected() == 0 {
            return Ok(false);
        }
        self.vault.destroy_keys_in(&mut tx, upload.ws, &[upload.object.key]).await?;
        tx.commit().await?;
        self.vault.remember_destroyed(upload.ws, &[upload.object.key]);
        Ok(true)
    }

    /// Where the bytes of files are, whosever they are: for erasure.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn objects(
        &self,
        ws: WorkspaceId,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, ObjectRef>, OpsError> {
        let rows = sqlx::query(include_str!("sql/upload_objects.sql"))
            .bind(ws.0)
            .bind(ids)
            .fetch_all(&self.db)
            .await?;
        rows.iter().map(|row| Ok((row.try_get("upload_id")?, object_of(row)?))).collect()
    }

    /// Nothing is remembered of these files; their keys have been destroyed.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget(&self, ws: WorkspaceId, ids: &[Uuid]) -> Result<(), OpsError> {
        sqlx::query(include_str!("sql/upload_forget.sql"))
            .bind(ws.0)
            .bind(ids)
            .execute(&self.db)
            .await?;
        Ok(())
    }

    async fn open(&self, ws: WorkspaceId, row: &PgRow) -> Result<Option<Upload>, OpsError> {
        let id: Uuid = row.try_get("upload_id")?;
        let cipher: Cipher =
            serde_json::from_slice(row.try_get("cipher")?).map_err(|_| OpsError::Malformed)?;
        let sealed = Sealed::Cipher(cipher);
        let Opened::Open(meta) = self.vault.open_sealed(ws, id, FIELD, &sealed).await? else {
            return Ok(None);
        };
        let used_at: Option<i64> = row.try_get("used_at_us")?;
        Ok(Some(Upload {
            id,
            user: row.try_get("user_id")?,
            meta,
            object: object_of(row)?,
            created_at: Timestamp::from_micros(row.try_get("created_at_us")?),
            used_at: used_at.map(Timestamp::from_micros),
        }))
    }
}

fn object_of(row: &PgRow) -> Result<ObjectRef, OpsError> {
    let size: i64 = row.try_get("size")?;
    Ok(ObjectRef {
        key: row.try_get("key_id")?,
        hash: row.try_get("object_hash")?,
        size: u64::try_from(size).map_err(|_| OpsError::Malformed)?,
    })
}
