//! The vault: sealing and opening. Which key seals what is in `assign`, destroying in `destroy`.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use decider::{Cipher, Opened, SealId, Sealed, WorkspaceId};
use serde::de::DeserializeOwned;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::error::{KeyFileError, VaultError};
use crate::key_file;
use crate::key_ring::{KeyRing, Known, SealingKey};
use crate::master::{Master, MasterKey};
use crate::pool::KeyPool;
use crate::seal::{KeyBytes, place, random_nonce};

/// Reading keys starts again when some were destroyed meanwhile, at most so many times.
const READS_MAX: u32 = 8;

/// The key ring of all workspaces in one database. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) db: PgPool,
    pub(crate) master: Master,
    pub(crate) ring: KeyRing,
    pub(crate) pool: KeyPool,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

impl Vault {
    /// Opens the key ring. The key file is made on the first start of a new database; afterwards it must be there and be the
    /// same one. The tables must exist ([`crate::MIGRATIONS`]).
    ///
    /// # Errors
    /// [`VaultError::KeyFile`] says what is wrong with the key file.
    pub async fn open(db: PgPool, key_file: &Path) -> Result<Self, VaultError> {
        let stored = read_check(&db).await?;
        let path = key_file.to_owned();
        let may_create = stored.is_none();
        let master =
            tokio::task::spawn_blocking(move || key_file::read_or_create(&path, may_create))
                .await
                .map_err(|_| VaultError::Stopping)??;
        let check = match stored {
            Some(check) => check,
            None => write_check(&db, &master).await?,
        };
        if !master.accepts_check(&check) {
            return Err(KeyFileError::Wrong { path: key_file.to_owned() }.into());
        }
        let shared = Shared { db, master, ring: KeyRing::new(), pool: KeyPool::new() };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A key ring without a database, for simulations: it makes keyed hashes, and every other key is out of reach.
    #[must_use]
    pub fn detached() -> Self {
        let db = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new_without_pgpass());
        let master = Master::new(MasterKey { number: 1, bytes: KeyBytes::random() }, Vec::new());
        let shared = Shared { db, master, ring: KeyRing::new(), pool: KeyPool::new() };
        Self { shared: Arc::new(shared) }
    }

    /// A keyed hash (HMAC-SHA256, one key per workspace): for claims, body hashes, login look-up.
    #[must_use]
    pub fn mac(&self, ws: WorkspaceId, scope: &str, data: &[u8]) -> [u8; 32] {
        self.shared.master.mac(ws, scope, data)
    }

    /// Seals one field of one event (or of another record with a stream and a seal id of its own).
    ///
    /// # Errors
    /// When the content exceeds what the cipher takes.
    pub fn seal(
        &self,
        ws: WorkspaceId,
        key: &SealingKey,
        (stream, seal): (Uuid, SealId),
        field: &str,
        clear_json: &[u8],
    ) -> Result<Cipher, VaultError> {
        let nonce = random_nonce();
        let bytes = key
            .bytes
            .encrypt(&nonce, clear_json, &place_of(ws, stream, seal, field))
            .ok_or(VaultError::Seal)?;
        Ok(Cipher { seal, key: key.id, nonce: nonce.to_vec(), bytes })
    }

    /// Brings keys into memory with one query; those that do not exist are remembered as destroyed.
    ///
    /// # Errors
    /// When the database does not answer or a key does not fit the key file.
    pub async fn load_keys(&self, ws: WorkspaceId, key_ids: &[Uuid]) -> Result<(), VaultError> {
        let keys = &self.shared.ring.keys;
        let missing: Vec<Uuid> = key_ids
            .iter()
            .copied()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|id| keys.get(&(ws, *id)).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        for _ in 0..READS_MAX {
            let epoch = keys.epoch();
            let found = self.read_keys(ws, &missing).await?;
            if keys.insert_since(epoch, found) {
                return Ok(());
            }
        }
        Err(VaultError::Contended)
    }

    /// Opens what was sealed, with keys in memory only; none when the key is not there (see [`Self::load_keys`]).
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the ciphertext was changed or belongs elsewhere.
    pub fn open_cached(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        field: &str,
        cipher: &Cipher,
    ) -> Result<Option<Opened<Vec<u8>>>, VaultError> {
        match self.shared.ring.keys.get(&(ws, cipher.key)) {
            None => Ok(None),
            Some(Known::Destroyed(_)) => Ok(Some(Opened::Forgotten)),
            Some(Known::Alive(key)) => key
                .decrypt(&cipher.nonce, &cipher.bytes, &place_of(ws, stream, cipher.seal, field))
                .map(|clear| Some(Opened::Open(clear)))
                .ok_or(VaultError::Tampered),
        }
    }

    /// Opens one value, reading its key if needed.
    ///
    /// # Errors
    /// As [`Self::load_keys`] and [`Self::open_cached`], and when the content does not fit its type.
    pub async fn open_sealed<T: DeserializeOwned + Clone>(
        &self,
        ws: WorkspaceId,
        stream: Uuid,
        field: &str,
        sealed: &Sealed<T>,
    ) -> Result<Opened<T>, VaultError> {
        let cipher = match sealed {
            Sealed::Clear { value, .. } => return Ok(Opened::Open(value.clone())),
            Sealed::Cipher(cipher) => cipher,
        };
        for _ in 0..READS_MAX {
            match self.open_cached(ws, stream, field, cipher)? {
                Some(Opened::Forgotten) => return Ok(Opened::Forgotten),
                Some(Opened::Open(clear)) => {
                    let value = serde_json::from_slice(&clear).map_err(|_| VaultError::Content)?;
                    return Ok(Opened::Open(value));
                }
                None => self.load_keys(ws, &[cipher.key]).await?,
            }
        }
        Err(VaultError::Contended)
    }

    /// A key known by its id, to seal with; none when it was destroyed.
    ///
    /// # Errors
    /// As [`Self::load_keys`].
    pub async fn key(&self, ws: WorkspaceId, id: Uuid) -> Result<Option<SealingKey>, VaultError> {
        for _ in 0..READS_MAX {
            match self.key_cached(ws, id) {
                Some(known) => return Ok(known.into_option()),
                None => self.load_keys(ws, &[id]).await?,
            }
        }
        Err(VaultError::Contended)
    }

    /// The same from memory only; none when nothing is known about the key.
    #[must_use]
    pub fn key_cached(&self, ws: WorkspaceId, id: Uuid) -> Option<Opened<SealingKey>> {
        Some(match self.shared.ring.keys.get(&(ws, id))? {
            Known::Destroyed(_) => Opened::Forgotten,
            Known::Alive(bytes) => Opened::Open(SealingKey { id, newly_assigned: false, bytes }),
        })
    }

    async fn read_keys(
        &self,
        ws: WorkspaceId,
        ids: &[Uuid],
    ) -> Result<HashMap<(WorkspaceId, Uuid), Known>, VaultError> {
        let rows = sqlx::query(include_str!("sql/keys_load.sql"))
            .bind(ws.0)
            .bind(ids)
            .fetch_all(&self.shared.db)
            .await?;
        let mut found: HashMap<_, _> = HashMap::with_capacity(ids.len());
        for row in rows {
            let id: Uuid = row.try_get("key_id")?;
            let key = self.shared.master.unwrap(ws, id, row.try_get("wrapped")?)?;
            found.insert((ws, id), Known::Alive(Arc::new(key)));
        }
        let gone: Vec<Uuid> =
            ids.iter().copied().filter(|id| !found.contains_key(&(ws, *id))).collect();
        if !gone.is_empty() {
            let tombstones = self.tombstones(ws, &gone).await?;
            let known = |id: Uuid| Known::Destroyed(tombstones.get(&id).copied());
            found.extend(gone.into_iter().map(|id| ((ws, id), known(id))));
        }
        Ok(found)
    }
}

fn place_of(ws: WorkspaceId, stream: Uuid, seal: SealId, field: &str) -> Vec<u8> {
    place(&[ws.0.as_bytes(), stream.as_bytes(), seal.0.as_bytes(), field.as_bytes()])
}

async fn read_check(db: &PgPool) -> Result<Option<Vec<u8>>, VaultError> {
    let row = sqlx::query(include_str!("sql/check_read.sql"))
        .bind(Uuid::nil())
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| row.try_get("sealed_check")).transpose()?)
}

/// Writes the check, or reads that of another node that was faster.
async fn write_check(db: &PgPool, master: &Master) -> Result<Vec<u8>, VaultError> {
    let check = master.make_check()?;
    sqlx::query(include_str!("sql/check_insert.sql"))
        .bind(Uuid::nil())
        .bind(&check)
        .execute(db)
        .await?;
    Ok(read_check(db).await?.unwrap_or(check))
}
