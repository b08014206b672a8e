//! Secrets that are shown once: random, and stored as their hash only.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

/// A secret on its way to the one who asked for it. It cannot be printed by accident.
pub struct Secret(String);

impl Secret {
    pub(crate) fn random(prefix: &str) -> Self {
        let mut bytes = Zeroizing::new([0u8; 32]);
        rand::fill(&mut bytes[..]);
        let mut text = String::with_capacity(prefix.len() + 43);
        text.push_str(prefix);
        URL_SAFE_NO_PAD.encode_string(&bytes[..], &mut text);
        Self(text)
    }

    /// The text, for a cookie, a link or the screen.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What is stored of a secret. 256 random bits need no salt and no slow hash.
pub(crate) fn hash_of(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_printed() {
        let (one, two) = (Secret::random("ldk_"), Secret::random("ldk_"));
        assert_ne!(one.expose(), two.expose());
        assert!(one.expose().starts_with("ldk_") && one.expose().len() == 47);
        assert_eq!(format!("{one:?}"), "***");
    }
}
