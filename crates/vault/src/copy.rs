//! The key ring as rows that go along with a copy of the log. Keys stay wrapped: whoever has the rows needs the key file too.
//! Keys of drafts, and those that seal nothing yet, stay behind.

use decider::WorkspaceId;
use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::error::VaultError;
use crate::vault::Vault;

/// What the proof of a copy is made with.
const PROOF: &str = "copy.proof";

/// One row of the key ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KeyRow {
    /// A key that an erasure destroyed.
    Tombstone {
        /// The key.
        key: Uuid,
        /// The erasure.
        erasure: Uuid,
        /// When, in microseconds since 1970.
        at: i64,
    },
    /// A key, wrapped by the key file.
    Key {
        /// Its id.
        id: Uuid,
        /// When it was made, in microseconds since 1970.
        made_at: i64,
        /// Its wrapped bytes, in base64.
        #[serde(with = "base64_text")]
        wrapped: Vec<u8>,
    },
    /// What a key belongs to.
    Assignment {
        /// The key.
        key: Uuid,
        /// The kind of what it seals.
        kind: String,
        /// The id of that.
        scope: Uuid,
    },
    /// Whom a key concerns.
    Subject {
        /// The person.
        subject: Uuid,
        /// The key.
        key: Uuid,
    },
}

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct KeysTaken {
    /// Keys that were not here before.
    pub keys: u64,
    /// Keys that were here and are destroyed now, since an erasure destroyed them where the copy comes from.
    pub destroyed: u64,
}

/// A statement that reads a part of the key ring, and what becomes of its rows.
type Part = (&'static str, fn(&PgRow) -> Result<KeyRow, sqlx::Error>);

/// In the order in which they are taken in: what was destroyed comes first, so that it is not brought back.
const PARTS: [Part; 4] = [
    (include_str!("sql/copy_tombstones.sql"), |row| {
        Ok(KeyRow::Tombstone {
            key: row.try_get(0)?,
            erasure: row.try_get(1)?,
            at: row.try_get(2)?,
        })
    }),
    (include_str!("sql/copy_keys.sql"), |row| {
        Ok(KeyRow::Key { id: row.try_get(0)?, wrapped: row.try_get(1)?, made_at: row.try_get(2)? })
    }),
    (include_str!("sql/copy_assignments.sql"), |row| {
        Ok(KeyRow::Assignment {
            key: row.try_get(0)?,
            kind: row.try_get(1)?,
            scope: row.try_get(2)?,
        })
    }),
    (include_str!("sql/copy_subjects.sql"), |row| {
        Ok(KeyRow::Subject { subject: row.try_get(0)?, key: row.try_get(1)? })
    }),
];

impl Vault {
    /// What tells one key file from another and says nothing about its keys. It stays when lines are added to the file.
    #[must_use]
    pub fn key_file_mark(&self, ws: WorkspaceId) -> [u8; 32] {
        self.shared.master.mark(ws)
    }

    /// What shows that a copy with this digest was made by somebody who has the key file.
    #[must_use]
    pub fn copy_proof(&self, ws: WorkspaceId, digest: &[u8]) -> [u8; 32] {
        self.shared.master.mac(ws, PROOF, digest)
    }

    /// Tells every row of the key ring that a transaction sees, row by row.
    ///
    /// # Errors
    /// When the database does not answer, or `tell` refuses.
    pub async fn copy_keys<E: From<VaultError>>(
        &self,
        transaction: &mut PgConnection,
        ws: WorkspaceId,
        mut tell: impl FnMut(KeyRow) -> Result<(), E>,
    ) -> Result<(), E> {
        for (statement, row_of) in PARTS {
            let mut rows = sqlx::query(statement).bind(ws.0).fetch(&mut *transaction);
            while let Some(row) = rows.try_next().await.map_err(VaultError::from)? {
                tell(row_of(&row).map_err(VaultError::from)?)?;
            }
        }
        Ok(())
    }

    /// Takes rows in, inside the caller's transaction; those that are there already stay as they are. After the commit call
    /// [`Self::forget_all_cached`].
    ///
    /// # Errors
    /// [`VaultError::Unwrap`] when a key does not fit the key file; otherwise when the database does not answer.
    pub async fn take_keys_in(
        &self,
        transaction: &mut PgConnection,
        ws: WorkspaceId,
        rows: &[KeyRow],
    ) -> Result<KeysTaken, VaultError> {
        let columns = Columns::of(rows);
        for (id, wrapped) in columns.keys.iter().zip(&columns.wrapped) {
            self.shared.master.unwrap(ws, *id, wrapped)?;
        }
        let mut taken = KeysTaken::default();
        if !columns.buried.is_empty() {
            sqlx::query(include_str!("sql/take_tombstones.sql"))
                .bind(ws.0)
                .bind(&columns.buried)
                .bind(&columns.erasures)
                .bind(&columns.buried_at)
                .execute(&mut *transaction)
                .await?;
            taken.destroyed = self.destroy_keys_in(transaction, ws, &columns.buried).await?;
        }
        if !columns.keys.is_empty() {
            let inserted = sqlx::query(include_str!("sql/take_keys.sql"))
                .bind(ws.0)
                .bind(&columns.keys)
                .bind(&columns.wrapped)
                .bind(&columns.made_at)
                .execute(&mut *transaction)
                .await?;
            taken.keys = inserted.rows_affected();
        }
        if !columns.assigned.is_empty() {
            sqlx::query(include_str!("sql/take_assignments.sql"))
                .bind(ws.0)
                .bind(&columns.assigned)
                .bind(&columns.kinds)
                .bind(&columns.scopes)
                .execute(&mut *transaction)
                .await?;
        }
        if !columns.subjects.is_empty() {
            sqlx::query(include_str!("sql/take_subjects.sql"))
                .bind(ws.0)
                .bind(&columns.subjects)
                .bind(&columns.concerning)
                .execute(transaction)
                .await?;
        }
        Ok(taken)
    }
}

/// Rows as the columns that statements take.
#[derive(Default)]
struct Columns<'a> {
    buried: Vec<Uuid>,
    erasures: Vec<Uuid>,
    buried_at: Vec<i64>,
    keys: Vec<Uuid>,
    wrapped: Vec<&'a [u8]>,
    made_at: Vec<i64>,
    assigned: Vec<Uuid>,
    kinds: Vec<&'a str>,
    scopes: Vec<Uuid>,
    subjects: Vec<Uuid>,
    concerning: Vec<Uuid>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [KeyRow]) -> Self {
        let mut columns = Self::default();
        for row in rows {
            match row {
                KeyRow::Tombstone { key, erasure, at } => {
                    columns.buried.push(*key);
                    columns.erasures.push(*erasure);
                    columns.buried_at.push(*at);
                }
                KeyRow::Key { id, made_at, wrapped } => {
                    columns.keys.push(*id);
                    columns.wrapped.push(wrapped);
                    columns.made_at.push(*made_at);
                }
                KeyRow::Assignment { key, kind, scope } => {
                    columns.assigned.push(*key);
                    columns.kinds.push(kind);
                    columns.scopes.push(*scope);
                }
                KeyRow::Subject { subject, key } => {
                    columns.subjects.push(*subject);
                    columns.concerning.push(*key);
                }
            }
        }
        columns
    }
}

/// Bytes as base64.
mod base64_text {
    use std::borrow::Cow;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map_err(|_| D::Error::custom("no base64"))
    }
}
