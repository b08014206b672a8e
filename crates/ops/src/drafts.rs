//! The bodies of drafts: sealed with the draft's own key, overwritten at each save, gone with that key when the draft is
//! sent or discarded. Every function takes the user, and to anybody else a draft does not exist (D03).

use decider::{Cipher, KeyScope, Opened, SealId, Sealed, Timestamp, WorkspaceId};
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;
use vault::{SealingKey, Vault};

use crate::draft_content::{DraftContent, DraftPatch};
use crate::draft_saves::{KeyedSave, remember_in};
use crate::error::OpsError;

/// The largest content of a draft, in bytes of its JSON.
pub const DRAFT_BYTES_MAX: usize = 2 * 1024 * 1024;

const FIELD: &str = "draft";
const ATTEMPTS_MAX: u32 = 8;

/// The bodies of all drafts. Cheap to clone.
#[derive(Clone)]
pub struct DraftBodies {
    db: PgPool,
    vault: Vault,
}

/// Which draft, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftName {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its id.
    pub draft: Uuid,
    /// Its only reader.
    pub user: Uuid,
}

/// A draft as its user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftBody {
    /// Its id.
    pub draft: Uuid,
    /// The ticket it is written on.
    pub ticket: Uuid,
    /// What it will become: `reply` or `comment`.
    pub kind: String,
    /// What was written.
    pub content: DraftContent,
    /// The last save.
    pub updated_at: Timestamp,
}

/// A draft that has words, without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldDraft {
    /// Its id.
    pub draft: Uuid,
    /// The ticket it is written on.
    pub ticket: Uuid,
    /// Whose it is.
    pub user: Uuid,
    /// The files it holds.
    pub attachment_ids: Vec<Uuid>,
}

/// What a save says beside the name: where the draft is written, what it will become, what changes.
#[derive(Clone, Debug)]
pub struct DraftSave {
    /// The ticket it is written on.
    pub ticket: Uuid,
    /// What it will become: `reply` or `comment`.
    pub kind: String,
    /// What changes.
    pub patch: DraftPatch,
    /// How a repeat of it is known again, if it came with a key.
    pub keyed: Option<KeyedSave>,
}

/// How an attempt to save ended. What it needs first, it must not fetch itself: it holds a connection, and a second one
/// might be waited for by all who hold one.
enum Step {
    Saved(Box<DraftBody>),
    Gone,
    NeedsNewKey,
    NeedsKeys(Vec<Uuid>),
}

impl DraftBodies {
    pub(crate) fn db(&self) -> &PgPool {
        &self.db
    }

    pub(crate) fn new(db: PgPool, vault: Vault) -> Self {
        Self { db, vault }
    }

    /// Saves what changed and answers the whole; none when the draft was sent or discarded, or is another user's. Saves of
    /// one draft take turns, so that none loses a field of another.
    ///
    /// # Errors
    /// [`OpsError::DraftTooLarge`], or when something broke.
    pub async fn save(
        &self,
        name: &DraftName,
        save: &DraftSave,
        now: Timestamp,
    ) -> Result<Option<DraftBody>, OpsError> {
        let mut spare = None;
        for _ in 0..ATTEMPTS_MAX {
            match self.try_save(name, save, now, spare.as_ref()).await? {
                Step::Saved(body) => return Ok(Some(*body)),
                Step::Gone => return Ok(None),
                Step::NeedsNewKey => spare = Some(self.vault.take_key(name.ws).await?),
                Step::NeedsKeys(keys) => self.vault.load_keys(name.ws, &keys).await?,
            }
        }
        Err(OpsError::Busy)
    }

    /// One draft, if it is this user's.
    ///
    /// # Errors
    /// When something broke.
    pub async fn load(&self, name: &DraftName) -> Result<Option<DraftBody>, OpsError> {
        Ok(self.load_many(name.ws, name.user, &[name.draft]).await?.pop())
    }

    /// Those of the drafts that are this user's and can be read, latest first.
    ///
    /// # Errors
    /// When something broke.
    pub async fn load_many(
        &self,
        ws: WorkspaceId,
        user: Uuid,
        drafts: &[Uuid],
    ) -> Result<Vec<DraftBody>, OpsError> {
        let rows = sqlx::query(include_str!("sql/draft_load.sql"))
            .bind(ws.0)
            .bind(user)
            .bind(drafts)
            .fetch_all(&self.db)
            .await?;
        let mut found = Vec::with_capacity(rows.len());
        for row in &rows {
            found.push((row, cipher_of(row.try_get("cipher")?)?));
        }
        let keys: Vec<Uuid> = found.iter().map(|(_, cipher)| cipher.key).collect();
        self.vault.load_keys(ws, &keys).await?;
        let mut bodies = Vec::with_capacity(found.len());
        for (row, cipher) in found {
            let draft = row.try_get("draft_id")?;
            if let Some(content) = self.open(ws, draft, cipher).await? {
                bodies.push(DraftBody {
                    draft,
                    ticket: row.try_get("ticket_id")?,
                    kind: row.try_get("kind")?,
                    content,
                    updated_at: Timestamp::from_micros(row.try_get("updated_at_us")?),
                });
            }
        }
        bodies.sort_by_key(|body| std::cmp::Reverse((body.updated_at, body.draft)));
        Ok(bodies)
    }

    /// The draft was sent or discarded: its body and its key are destroyed, and a late save finds nothing to write to.
    /// Answers whether the draft is this user's.
    ///
    /// # Errors
    /// When something broke.
    pub async fn delete(&self, name: &DraftName, now: Timestamp) -> Result<bool, OpsError> {
        let (ws, scope) = (name.ws, KeyScope::draft(name.draft));
        let mut tx = self.db.begin().await?;
        let nowhere = DraftSave {
            ticket: Uuid::nil(),
            kind: String::new(),
            patch: DraftPatch::default(),
            keyed: None,
        };
        if lock(&mut tx, name, &nowhere, now).await?.is_none() {
            return Ok(false);
        }
        let assigned = self.vault.assigned_in(&mut tx, ws, &scope).await?;
        if assigned.is_empty() {
            self.vault.assign_destroyed_in(&mut tx, ws, &scope).await?;
        }
        let keys: Vec<Uuid> = assigned.into_iter().map(|(id, _)| id).collect();
        self.vault.destroy_keys_in(&mut tx, ws, &keys).await?;
        sqlx::query(include_str!("sql/draft_delete.sql"))
            .bind(ws.0)
            .bind(name.draft)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        self.vault.remember_destroyed(ws, &keys);
        Ok(true)
    }

    /// The drafts with words on these tickets, whosever they are: for erasure.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn on_tickets(
        &self,
        ws: WorkspaceId,
        tickets: &[Uuid],
    ) -> Result<Vec<HeldDraft>, OpsError> {
        let rows = sqlx::query(include_str!("sql/drafts_on_tickets.sql"))
            .bind(ws.0)
            .bind(tickets)
            .fetch_all(&self.db)
            .await?;
        let held = |row: &sqlx::postgres::PgRow| {
            Ok(HeldDraft {
                draft: row.try_get("draft_id")?,
                ticket: row.try_get("ticket_id")?,
                user: row.try_get("user_id")?,
                attachment_ids: row.try_get("attachment_ids")?,
            })
        };
        rows.iter().map(held).collect()
    }

    async fn try_save(
        &self,
        name: &DraftName,
        save: &DraftSave,
        now: Timestamp,
        spare: Option<&SealingKey>,
    ) -> Result<Step, OpsError> {
        let mut tx = self.db.begin().await?;
        let Some(stored) = lock(&mut tx, name, save, now).await? else { return Ok(Step::Gone) };
        let scope = KeyScope::draft(name.draft);
        let assigned = self.vault.assigned_in(&mut tx, name.ws, &scope).await?;
        let alive = assigned.iter().rev().find(|(_, alive)| *alive).map(|(id, _)| *id);
        let key = match (alive, spare) {
            (Some(id), _) => match self.vault.key_cached(name.ws, id) {
                Some(Opened::Open(key)) => key,
                Some(Opened::Forgotten) => return Ok(Step::Gone),
                None => return Ok(Step::NeedsKeys(vec![id])),
            },
            (None, _) if !assigned.is_empty() => return Ok(Step::Gone),
            (None, None) => return Ok(Step::NeedsNewKey),
            (None, Some(key)) => {
                self.vault.assign_in(&mut tx, name.ws, key.id, &scope).await?;
                key.clone()
            }
        };
        let old = match &stored {
            None => DraftContent::default(),
            Some(cipher) => match self.vault.open_cached(name.ws, name.draft, FIELD, cipher)? {
                Some(Opened::Open(clear)) => content_of(&clear)?,
                Some(Opened::Forgotten) => return Ok(Step::Gone),
                None => return Ok(Step::NeedsKeys(vec![cipher.key])),
            },
        };
        let content = old.merge(save.patch.clone());
        let cipher = self.seal(name, &key, &content)?;
        let written = sqlx::query(include_str!("sql/draft_write.sql"))
            .bind(name.ws.0)
            .bind(name.draft)
            .bind(save.ticket)
            .bind(cipher)
            .bind(content.attachment_ids.as_deref().unwrap_or_default())
            .bind(now.as_micros())
            .bind(key.id)
            .execute(&mut *tx)
            .await?;
        if written.rows_affected() == 0 {
            return Ok(Step::Gone);
        }
        if let Some(keyed) = &save.keyed {
            remember_in(&mut tx, name, keyed, now).await?;
        }
        tx.commit().await?;
        Ok(Step::Saved(Box::new(DraftBody {
            draft: name.draft,
            ticket: save.ticket,
            kind: save.kind.clone(),
            content,
            updated_at: now,
        })))
    }

    fn seal(
        &self,
        name: &DraftName,
        key: &SealingKey,
        content: &DraftContent,
    ) -> Result<Vec<u8>, OpsError> {
        let clear = serde_json::to_vec(content).map_err(|_| OpsError::Malformed)?;
        if clear.len() > DRAFT_BYTES_MAX {
            return Err(OpsError::DraftTooLarge);
        }
        let at = (name.draft, SealId(Uuid::new_v4()));
        let cipher = self.vault.seal(name.ws, key, at, FIELD, &clear)?;
        serde_json::to_vec(&cipher).map_err(|_| OpsError::Malformed)
    }

    async fn open(
        &self,
        ws: WorkspaceId,
        draft: Uuid,
        cipher: Cipher,
    ) -> Result<Option<DraftContent>, OpsError> {
        let sealed = Sealed::Cipher(cipher);
        match self.vault.open_sealed(ws, draft, FIELD, &sealed).await? {
            Opened::Open(content) => Ok(Some(content)),
            Opened::Forgotten => Ok(None),
        }
    }
}

/// Takes the turn of this draft: makes its row if there is none and locks it. None when it is another user's; inside, the
/// ciphertext, if something was saved.
async fn lock(
    connection: &mut PgConnection,
    name: &DraftName,
    save: &DraftSave,
    now: Timestamp,
) -> Result<Option<Option<Cipher>>, OpsError> {
    sqlx::query(include_str!("sql/draft_claim.sql"))
        .bind(name.ws.0)
        .bind(name.draft)
        .bind(save.ticket)
        .bind(name.user)
        .bind(&save.kind)
        .bind(now.as_micros())
        .execute(&mut *connection)
        .await?;
    let row = sqlx::query(include_str!("sql/draft_lock.sql"))
        .bind(name.ws.0)
        .bind(name.draft)
        .fetch_optional(connection)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<Uuid, _>("user_id")? != name.user {
        return Ok(None);
    }
    let stored: &[u8] = row.try_get("cipher")?;
    Ok(Some(if stored.is_empty() { None } else { Some(cipher_of(stored)?) }))
}

fn content_of(clear: &[u8]) -> Result<DraftContent, OpsError> {
    serde_json::from_slice(clear).map_err(|_| OpsError::Malformed)
}

fn cipher_of(stored: &[u8]) -> Result<Cipher, OpsError> {
    serde_json::from_slice(stored).map_err(|_| OpsError::Malformed)
}
