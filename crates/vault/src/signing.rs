//! Signing what is kept outside the database: Ed25519 keys derived from the key file, one per workspace and line of the file.
//! Whoever owns the database alone cannot sign.

use std::fmt;
use std::str::FromStr;

use decider::WorkspaceId;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use crate::vault::Vault;

/// A signature.
pub type Signature = [u8; 64];

/// What a signature is checked with; no secret. Its text form is 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// The text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a public key is 64 hexadecimal digits")]
pub struct ParsePublicKeyError;

/// Signs for one workspace.
pub struct Signer(SigningKey);

impl Vault {
    /// Signs with the newest line of the key file.
    #[must_use]
    pub fn signer(&self, ws: WorkspaceId) -> Signer {
        let seeds = self.shared.master.signing_seeds(ws);
        let Some((_, seed)) = seeds.last() else { unreachable!("a key file has a first line") };
        Signer(SigningKey::from_bytes(seed.as_bytes()))
    }

    /// The public key of each line of the key file with its number, oldest first. What was signed before a line was added is
    /// recognised for as long as the older line stays.
    #[must_use]
    pub fn public_keys(&self, ws: WorkspaceId) -> Vec<(u32, PublicKey)> {
        let seeds = self.shared.master.signing_seeds(ws);
        let public = |seed: &[u8; 32]| Signer(SigningKey::from_bytes(seed)).public_key();
        seeds.iter().map(|(number, seed)| (*number, public(seed.as_bytes()))).collect()
    }
}

impl Signer {
    /// What others check its signatures with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        self.0.sign(message).to_bytes()
    }
}

impl PublicKey {
    /// Whether a message was signed with the key that belongs to this one.
    #[must_use]
    pub fn accepts(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PublicKey {
    type Err = ParsePublicKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ParsePublicKeyError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| ParsePublicKeyError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| ParsePublicKeyError)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn what_was_signed_is_accepted_with_its_own_key_alone() {
        let vault = Vault::detached();
        let (ws, other) = (WorkspaceId(Uuid::from_u128(1)), WorkspaceId(Uuid::from_u128(2)));
        let signer = vault.signer(ws);
        let signature = signer.sign(b"words");
        let key = signer.public_key();
        assert!(key.accepts(b"words", &signature));
        assert!(!key.accepts(b"Words", &signature));
        assert!(!vault.signer(other).public_key().accepts(b"words", &signature));
        for index in 0..signature.len() {
            let mut changed = signature;
            changed[index] ^= 1;
            assert!(!key.accepts(b"words", &changed), "byte {index}");
        }
        assert_eq!(vault.public_keys(ws), [(1, key)]);
    }

    #[tokio::test]
    async fn a_public_key_is_read_as_it_is_written_and_nothing_else_is_one() {
        let key = Vault::detached().signer(WorkspaceId(Uuid::nil())).public_key();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        for other in ["", &text[1..], &format!("+{}", &text[1..]), &format!("{text}0")] {
            assert_eq!(other.parse::<PublicKey>(), Err(ParsePublicKeyError), "{other}");
        }
    }
}
