//! What is derived from the key file: per workspace one key that wraps others and one for keyed hashes.

use std::sync::Arc;
use std::time::Duration;

use decider::WorkspaceId;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::cache::BoundedCache;
use crate::error::VaultError;
use crate::seal::{KEY_BYTES, KeyBytes, NONCE_BYTES, place, random_nonce};

const FORMAT: u8 = 1;
/// What the mark of a key file is made with.
const MARK: &str = "copy.key_file";
const HEADER_BYTES: usize = 1 + 4 + NONCE_BYTES;
const DERIVED_MAX: usize = 2_000;
const DERIVED_AGE_MAX: Duration = Duration::from_secs(3600);
const EVERYWHERE: WorkspaceId = WorkspaceId(Uuid::nil());

/// One key of the key file and the number it is known by.
pub struct MasterKey {
    pub number: u32,
    pub bytes: KeyBytes,
}

/// The keys of the key file. The newest wraps; every one unwraps; the first makes the keyed hashes, which must outlive rotation.
pub struct Master {
    first: MasterKey,
    later: Vec<MasterKey>,
    derived: BoundedCache<(WorkspaceId, u32, Purpose), Arc<KeyBytes>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Purpose {
    Wrap,
    Mac,
    Check,
    Sign,
}

impl Purpose {
    const fn word(self) -> &'static [u8] {
        match self {
            Self::Wrap => b"wrap",
            Self::Mac => b"mac",
            Self::Check => b"check",
            Self::Sign => b"sign",
        }
    }
}

impl Master {
    pub fn new(first: MasterKey, later: Vec<MasterKey>) -> Self {
        Self { first, later, derived: BoundedCache::new(DERIVED_MAX, DERIVED_AGE_MAX) }
    }

    /// Format, number of the wrapping key, nonce, ciphertext.
    pub fn wrap(
        &self,
        ws: WorkspaceId,
        key_id: Uuid,
        key: &KeyBytes,
    ) -> Result<Vec<u8>, VaultError> {
        self.wrap_for(Purpose::Wrap, ws, key_id, key.as_bytes())
    }

    pub fn unwrap(
        &self,
        ws: WorkspaceId,
        key_id: Uuid,
        wrapped: &[u8],
    ) -> Result<KeyBytes, VaultError> {
        self.unwrap_for(Purpose::Wrap, ws, key_id, wrapped)
            .and_then(|bytes| KeyBytes::from_slice(&bytes))
            .ok_or(VaultError::Unwrap { key_id })
    }

    /// What proves later that the same key file is used.
    pub fn make_check(&self) -> Result<Vec<u8>, VaultError> {
        self.wrap_for(Purpose::Check, EVERYWHERE, Uuid::nil(), &[0; KEY_BYTES])
    }

    pub fn accepts_check(&self, check: &[u8]) -> bool {
        self.unwrap_for(Purpose::Check, EVERYWHERE, Uuid::nil(), check).is_some()
    }

    pub fn mac(&self, ws: WorkspaceId, scope: &str, data: &[u8]) -> [u8; 32] {
        let key = self.derive(&self.first, ws, Purpose::Mac);
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else {
            unreachable!("HMAC takes a key of any length")
        };
        mac.update(&(scope.len() as u64).to_be_bytes());
        mac.update(scope.as_bytes());
        mac.update(data);
        mac.finalize().into_bytes().into()
    }

    /// What tells this key file from others, and says nothing about its keys.
    pub fn mark(&self, ws: WorkspaceId) -> [u8; 32] {
        self.mac(ws, MARK, &[])
    }

    /// What the signing key of each line of the key file grows from, oldest first: the last one signs, all are recognised.
    pub fn signing_seeds(&self, ws: WorkspaceId) -> Vec<(u32, Arc<KeyBytes>)> {
        let all = std::iter::once(&self.first).chain(&self.later);
        all.map(|master| (master.number, self.derive(master, ws, Purpose::Sign))).collect()
    }

    fn wrap_for(
        &self,
        purpose: Purpose,
        ws: WorkspaceId,
        key_id: Uuid,
        clear: &[u8],
    ) -> Result<Vec<u8>, VaultError> {
        let master = self.later.last().unwrap_or(&self.first);
        let nonce = random_nonce();
        let sealed = self
            .derive(master, ws, purpose)
            .encrypt(&nonce, clear, &place(&[purpose.word(), ws.0.as_bytes(), key_id.as_bytes()]))
            .ok_or(VaultError::Seal)?;
        let mut wrapped = Vec::with_capacity(HEADER_BYTES + sealed.len());
        wrapped.push(FORMAT);
        wrapped.extend_from_slice(&master.number.to_be_bytes());
        wrapped.extend_from_slice(&nonce);
        wrapped.extend_from_slice(&sealed);
        Ok(wrapped)
    }

    fn unwrap_for(
        &self,
        purpose: Purpose,
        ws: WorkspaceId,
        key_id: Uuid,
        wrapped: &[u8],
    ) -> Option<zeroize::Zeroizing<Vec<u8>>> {
        let (header, sealed) = wrapped.split_at_checked(HEADER_BYTES)?;
        let (format, rest) = header.split_first()?;
        let (number, nonce) = rest.split_first_chunk::<4>()?;
        let number = u32::from_be_bytes(*number);
        let master =
            std::iter::once(&self.first).chain(&self.later).find(|m| m.number == number)?;
        if *format != FORMAT {
            return None;
        }
        let place = place(&[purpose.word(), ws.0.as_bytes(), key_id.as_bytes()]);
        self.derive(master, ws, purpose).decrypt(nonce, sealed, &place).map(zeroize::Zeroizing::new)
    }

    fn derive(&self, master: &MasterKey, ws: WorkspaceId, purpose: Purpose) -> Arc<KeyBytes> {
        let name = (ws, master.number, purpose);
        if let Some(known) = self.derived.get(&name) {
            return known;
        }
        let mut bytes = zeroize::Zeroizing::new([0; KEY_BYTES]);
        let info = place(&[b"ledgerdesk", purpose.word(), ws.0.as_bytes()]);
        let hkdf = Hkdf::<Sha256>::new(None, master.bytes.as_bytes());
        let Ok(()) = hkdf.expand(&info, &mut bytes[..]) else {
            unreachable!("one block is a valid length of HKDF")
        };
        let key = KeyBytes::from(bytes);
        let key = Arc::new(key);
        self.derived.insert(name, Arc::clone(&key));
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn master(numbers: &[u32]) -> Master {
        let key = |number: u32| MasterKey {
            number,
            bytes: KeyBytes::from_slice(&[number as u8; KEY_BYTES]).unwrap(),
        };
        Master::new(key(numbers[0]), numbers[1..].iter().map(|n| key(*n)).collect())
    }

    #[test]
    fn a_wrapped_key_opens_only_as_itself() {
        let master = master(&[1]);
        let (ws, other) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let (id, key) = (Uuid::from_u128(3), KeyBytes::random());
        let wrapped = master.wrap(ws, id, &key).unwrap();
        assert_eq!(master.unwrap(ws, id, &wrapped).unwrap().as_bytes(), key.as_bytes());
        assert!(master.unwrap(other, id, &wrapped).is_err());
        assert!(master.unwrap(ws, Uuid::from_u128(4), &wrapped).is_err());
        assert!(master.unwrap(ws, id, &wrapped[..20]).is_err());
    }

    #[test]
    fn after_rotation_old_keys_open_and_keyed_hashes_stay() {
        let (before, after, without) = (master(&[1]), master(&[1, 2]), master(&[2]));
        let ws = WorkspaceId(Uuid::from_u128(1));
        let (id, key) = (Uuid::from_u128(3), KeyBytes::random());
        let old = before.wrap(ws, id, &key).unwrap();
        let new = after.wrap(ws, id, &key).unwrap();
        assert!(after.unwrap(ws, id, &old).is_ok() && after.unwrap(ws, id, &new).is_ok());
        assert!(before.unwrap(ws, id, &new).is_err() && without.unwrap(ws, id, &old).is_err());
        assert_eq!(before.mac(ws, "claim", b"x"), after.mac(ws, "claim", b"x"));
    }

    #[test]
    fn keyed_hashes_differ_by_workspace_scope_and_data() {
        let master = master(&[1]);
        let (a, b) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let mac = master.mac(a, "ab", b"c");
        assert_ne!(mac, master.mac(b, "ab", b"c"));
        assert_ne!(mac, master.mac(a, "a", b"bc"));
        assert_ne!(mac, master.mac(a, "ab", b"d"));
    }
}
