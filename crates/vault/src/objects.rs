//! Sealed objects: attachments and raw messages, compressed, sealed, and addressed by the hash of the ciphertext.

use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use decider::{Opened, WorkspaceId};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::VaultError;
use crate::key_ring::SealingKey;
use crate::seal::{NONCE_BYTES, place};
use crate::vault::Vault;

/// The largest object, in clear bytes.
pub const OBJECT_BYTES_MAX: u64 = 100 * 1024 * 1024;

const MAGIC: &[u8] = b"LDO1";
const STORED: u8 = 0;
const ZSTD: u8 = 1;
const ZSTD_LEVEL: i32 = 3;
/// Every content has a key of its own and this cipher bears a repeated nonce: equal bytes under one key give equal
/// ciphertexts, so a repeated put lands at the same address.
const NONCE: [u8; NONCE_BYTES] = [0; NONCE_BYTES];

/// Where an object is and what opens it. Nothing in it is personal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The key it is sealed with.
    pub key: Uuid,
    /// SHA-256 of the stored bytes, in hexadecimal: its address.
    pub hash: String,
    /// Its size in clear bytes.
    pub size: u64,
}

/// The sealed objects of all workspaces. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SealedObjects {
    vault: Vault,
    store: Arc<dyn ObjectStore>,
}

impl SealedObjects {
    /// Objects in any store.
    #[must_use]
    pub fn new(vault: Vault, store: Arc<dyn ObjectStore>) -> Self {
        Self { vault, store }
    }

    /// Objects in a local folder, which is made if it is missing. A finished put is on the disk.
    ///
    /// # Errors
    /// When the folder cannot be made or used.
    pub fn local(vault: Vault, folder: &FilePath) -> Result<Self, VaultError> {
        std::fs::create_dir_all(folder).map_err(|source| object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(source),
        })?;
        let store = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(Self::new(vault, Arc::new(store)))
    }

    /// Stores bytes sealed with `key`. The same bytes with the same key are the same object, however often they are put.
    ///
    /// # Errors
    /// When they are too large or the store does not answer.
    pub async fn put(
        &self,
        ws: WorkspaceId,
        key: &SealingKey,
        bytes: Bytes,
    ) -> Result<ObjectRef, VaultError> {
        let size = bytes.len() as u64;
        if size > OBJECT_BYTES_MAX {
            return Err(VaultError::TooLarge { bytes: size });
        }
        let sealing = key.clone();
        let (stored, hash) = off_thread(move || seal(ws, &sealing, &bytes)).await?;
        self.store.put(&address(ws, &hash)?, PutPayload::from(stored)).await?;
        Ok(ObjectRef { key: key.id, hash, size })
    }

    /// Reads an object; forgotten when its key was destroyed.
    ///
    /// # Errors
    /// [`VaultError::Tampered`] when the stored bytes are not the ones that were put, [`VaultError::ObjectMissing`] when
    /// there are none.
    pub async fn get(
        &self,
        ws: WorkspaceId,
        object: &ObjectRef,
    ) -> Result<Opened<Bytes>, VaultError> {
        let Some(key) = self.vault.key(ws, object.key).await? else {
            return Ok(Opened::Forgotten);
        };
        let found = match self.store.get(&address(ws, &object.hash)?).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(VaultError::ObjectMissing { hash: object.hash.clone() });
            }
            Err(error) => return Err(error.into()),
        };
        // Sealing adds a few dozen bytes; anything longer is not what was put and is not read into memory.
        if object.size > OBJECT_BYTES_MAX || found.meta.size > object.size + 1024 {
            return Err(VaultError::Tampered);
        }
        let stored = found.bytes().await?;
        let object = object.clone();
        let clear = off_thread(move || open(ws, &key, &object, &stored)).await?;
        Ok(Opened::Open(clear))
    }

    /// Whether the bytes of an object are there, readable or not.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn exists(&self, ws: WorkspaceId, object: &ObjectRef) -> Result<bool, VaultError> {
        match self.store.head(&address(ws, &object.hash)?).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an object. Removing what is not there is no error.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn delete(&self, ws: WorkspaceId, object: &ObjectRef) -> Result<(), VaultError> {
        match self.store.delete(&address(ws, &object.hash)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// `ws/ab/cdef…`; a hash that is not one (it comes from a stored record) leads nowhere.
fn address(ws: WorkspaceId, hash: &str) -> Result<Path, VaultError> {
    if hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(VaultError::Tampered);
    }
    let (shelf, rest) = hash.split_at(2);
    Ok(Path::from_iter([ws.0.to_string().as_str(), shelf, rest]))
}

fn place_of(ws: WorkspaceId) -> Vec<u8> {
    place(&[ws.0.as_bytes(), b"object"])
}

fn seal(ws: WorkspaceId, key: &SealingKey, clear: &[u8]) -> Result<(Bytes, String), VaultError> {
    let mut packed = zeroize::Zeroizing::new(Vec::with_capacity(clear.len() + 1));
    match zstd::bulk::compress(clear, ZSTD_LEVEL) {
        Ok(smaller) if smaller.len() < clear.len() => {
            packed.push(ZSTD);
            packed.extend_from_slice(&smaller);
        }
        Ok(_) | Err(_) => {
            packed.push(STORED);
            packed.extend_from_slice(clear);
        }
    }
    let sealed = key.bytes.encrypt(&NONCE, &packed, &place_of(ws)).ok_or(VaultError::Seal)?;
    let mut stored = Vec::with_capacity(MAGIC.len() + sealed.len());
    stored.extend_from_slice(MAGIC);
    stored.extend_from_slice(&sealed);
    let hash = hash_of(&stored);
    Ok((stored.into(), hash))
}

fn open(
    ws: WorkspaceId,
    key: &SealingKey,
    object: &ObjectRef,
    stored: &[u8],
) -> Result<Bytes, VaultError> {
    if hash_of(stored) != object.hash {
        return Err(VaultError::Tampered);
    }
    let sealed = stored.strip_prefix(MAGIC).ok_or(VaultError::Tampered)?;
    let packed = key.bytes.decrypt(&NONCE, sealed, &place_of(ws)).ok_or(VaultError::Tampered)?;
    let packed = Bytes::from(packed);
    let size = usize::try_from(object.size).map_err(|_| VaultError::Tampered)?;
    let clear = match packed.first() {
        Some(&STORED) => packed.slice(1..),
        Some(&ZSTD) => {
            zstd::bulk::decompress(&packed[1..], size).map_err(|_| VaultError::Tampered)?.into()
        }
        Some(_) | None => return Err(VaultError::Tampered),
    };
    if clear.len() != size { Err(VaultError::Tampered) } else { Ok(clear) }
}

fn hash_of(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, VaultError> + Send + 'static,
) -> Result<T, VaultError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| VaultError::Stopping)?
}
