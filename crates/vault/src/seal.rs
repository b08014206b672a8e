//! The cipher: AES-256-GCM-SIV, and the associated data that ties a ciphertext to its place.

use aes_gcm_siv::aead::{Aead, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Key, KeyInit, Nonce};
use zeroize::Zeroizing;

pub const KEY_BYTES: usize = 32;
pub const NONCE_BYTES: usize = 12;

/// Key material; wiped when dropped and never printed.
pub struct KeyBytes(Zeroizing<[u8; KEY_BYTES]>);

impl From<Zeroizing<[u8; KEY_BYTES]>> for KeyBytes {
    fn from(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }
}

impl KeyBytes {
    pub fn random() -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand::fill(&mut bytes[..]);
        Self(bytes)
    }

    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return None;
        }
        key.copy_from_slice(bytes);
        Some(Self(key))
    }

    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    fn cipher(&self) -> Aes256GcmSiv {
        let key: &Key<Aes256GcmSiv> = self.as_bytes().into();
        Aes256GcmSiv::new(key)
    }

    /// Ciphertext and tag; none when the content exceeds what the cipher takes.
    pub fn encrypt(
        &self,
        nonce: &[u8; NONCE_BYTES],
        clear: &[u8],
        place: &[u8],
    ) -> Option<Vec<u8>> {
        let nonce: &Nonce = nonce.into();
        self.cipher().encrypt(nonce, Payload { msg: clear, aad: place }).ok()
    }

    /// The clear content; none when anything about it was changed.
    pub fn decrypt(&self, nonce: &[u8], sealed: &[u8], place: &[u8]) -> Option<Vec<u8>> {
        let nonce: &[u8; NONCE_BYTES] = nonce.try_into().ok()?;
        let nonce: &Nonce = nonce.into();
        self.cipher().decrypt(nonce, Payload { msg: sealed, aad: place }).ok()
    }
}

pub fn random_nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    rand::fill(&mut nonce);
    nonce
}

/// Length-prefixed parts, so that no two lists of parts give the same bytes.
pub fn place(parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_be_shifted_into_each_other() {
        assert_ne!(place(&[b"ab", b"c"]), place(&[b"a", b"bc"]));
        assert_ne!(place(&[b"ab"]), place(&[b"ab", b""]));
    }

    #[test]
    fn a_changed_byte_anywhere_is_noticed() {
        let key = KeyBytes::random();
        let nonce = random_nonce();
        let sealed = key.encrypt(&nonce, b"hello", b"here").unwrap();
        assert_eq!(key.decrypt(&nonce, &sealed, b"here").unwrap(), b"hello");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.decrypt(&nonce, &changed, b"here").is_none());
        }
        assert!(key.decrypt(&nonce, &sealed, b"there").is_none());
        assert!(key.decrypt(&nonce[1..], &sealed, b"here").is_none());
        assert!(KeyBytes::random().decrypt(&nonce, &sealed, b"here").is_none());
    }
}
