//! Personal content: clear on its way into a rule, sealed on its way into the log, open or forgotten on its way out.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use uuid::Uuid;

use crate::ids::SealId;

/// Clear personal content on its way into a rule. It cannot be printed or serialised by accident.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Personal<T>(pub T);

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

impl<T> Personal<T> {
    /// Wraps clear content for the log: the handler seals it with the key of `scope`.
    pub fn seal(self, scope: &KeyScope) -> Sealed<T> {
        Sealed::Clear { value: self.0, scope: scope.clone() }
    }
}

/// What a key belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// One message, comment or file. Always a fresh key.
    Content,
    /// One person: names, addresses, numbers.
    Person,
    /// One ticket: its name and its text properties.
    Ticket,
    /// One writing episode of a draft. Always a fresh key.
    Draft,
}

impl KeyKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Content => "content",
            Self::Person => "person",
            Self::Ticket => "ticket",
            Self::Draft => "draft",
        }
    }
}

/// Names the key that seals a value, and the persons the value is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyScope {
    /// What the key belongs to.
    pub kind: KeyKind,
    /// The id of that content, person, ticket or draft.
    pub id: Uuid,
    /// Persons (contact ids) whose erasure concerns this key, beside `id` itself when it is a person.
    pub subjects: Vec<Uuid>,
}

impl KeyScope {
    /// The key of one message, comment or file about `subjects`.
    #[must_use]
    pub const fn content(id: Uuid, subjects: Vec<Uuid>) -> Self {
        Self { kind: KeyKind::Content, id, subjects }
    }

    /// The identity key of a person (a contact or a user).
    #[must_use]
    pub const fn person(id: Uuid) -> Self {
        Self { kind: KeyKind::Person, id, subjects: Vec::new() }
    }

    /// The key of a ticket's name and text properties.
    #[must_use]
    pub const fn ticket(id: Uuid) -> Self {
        Self { kind: KeyKind::Ticket, id, subjects: Vec::new() }
    }

    /// The key of a draft.
    #[must_use]
    pub const fn draft(id: Uuid) -> Self {
        Self { kind: KeyKind::Draft, id, subjects: Vec::new() }
    }
}

/// A ciphertext as it is stored: AES-256-GCM-SIV with workspace, stream, seal id and field name as associated data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cipher {
    /// The sealing this belongs to (see [`SealId::of`]).
    #[serde(rename = "s")]
    pub seal: SealId,
    /// The key it is sealed with.
    #[serde(rename = "k")]
    pub key: Uuid,
    /// The nonce, 12 bytes.
    #[serde(rename = "n", with = "base64_bytes")]
    pub nonce: Vec<u8>,
    /// Ciphertext and tag.
    #[serde(rename = "c", with = "base64_bytes")]
    pub bytes: Vec<u8>,
}

/// Personal content inside an event: clear between `decide` and sealing, a ciphertext everywhere else. Only the
/// ciphertext can be serialised.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Sealed<T> {
    /// Not sealed yet (or opened again for a clear-text projection).
    Clear {
        /// The content.
        value: T,
        /// The key to seal it with.
        scope: KeyScope,
    },
    /// Sealed.
    Cipher(Cipher),
}

impl<T> Sealed<T> {
    /// The content while it is clear; none once it is sealed.
    pub const fn clear(&self) -> Option<&T> {
        match self {
            Self::Clear { value, .. } => Some(value),
            Self::Cipher(_) => None,
        }
    }

    /// The ciphertext once it is sealed.
    pub const fn cipher(&self) -> Option<&Cipher> {
        match self {
            Self::Clear { .. } => None,
            Self::Cipher(cipher) => Some(cipher),
        }
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clear { .. } => f.write_str("Clear(***)"),
            Self::Cipher(cipher) => write!(f, "Cipher({})", cipher.seal.0),
        }
    }
}

impl<T> Serialize for Sealed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Clear { .. } => {
                Err(ser::Error::custom("personal content must be sealed before it is stored"))
            }
            Self::Cipher(cipher) => cipher.serialize(serializer),
        }
    }
}

impl<'de, T> Deserialize<'de> for Sealed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cipher::deserialize(deserializer).map(Self::Cipher)
    }
}

/// What opening a sealed value gives. Both cases must be handled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened<T> {
    /// The clear content.
    Open(T),
    /// The key was destroyed on request: nobody can read this again.
    Forgotten,
}

impl<T> Opened<T> {
    /// The content, if it can still be read.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Open(value) => Some(value),
            Self::Forgotten => None,
        }
    }
}

/// A sealed value of any type, for code that seals and opens without knowing the event.
pub trait SealedSlot {
    /// The clear content as JSON and its key, if it is not sealed.
    ///
    /// # Errors
    /// When the content cannot be written as JSON.
    fn clear_json(&self) -> Result<Option<(Vec<u8>, &KeyScope)>, SlotError>;
    /// The key to seal it with, if it is not sealed.
    fn scope(&self) -> Option<&KeyScope>;
    /// The ciphertext, if it is sealed.
    fn cipher(&self) -> Option<&Cipher>;
    /// Replaces the content by its ciphertext.
    fn set_cipher(&mut self, cipher: Cipher);
    /// Replaces the ciphertext by its clear content.
    ///
    /// # Errors
    /// When the JSON does not fit the type.
    fn set_clear(&mut self, json: &[u8], scope: KeyScope) -> Result<(), SlotError>;
}

/// The content of a sealed slot does not fit its type.
///
/// It carries no cause: what serde says of clear content may quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed content does not fit its type")]
pub struct SlotError;

impl<T: Serialize + DeserializeOwned> SealedSlot for Sealed<T> {
    fn clear_json(&self) -> Result<Option<(Vec<u8>, &KeyScope)>, SlotError> {
        match self {
            Self::Clear { value, scope } => {
                Ok(Some((serde_json::to_vec(value).map_err(|_| SlotError)?, scope)))
            }
            Self::Cipher(_) => Ok(None),
        }
    }

    fn scope(&self) -> Option<&KeyScope> {
        match self {
            Self::Clear { scope, .. } => Some(scope),
            Self::Cipher(_) => None,
        }
    }

    fn cipher(&self) -> Option<&Cipher> {
        Self::cipher(self)
    }

    fn set_cipher(&mut self, cipher: Cipher) {
        *self = Self::Cipher(cipher);
    }

    fn set_clear(&mut self, json: &[u8], scope: KeyScope) -> Result<(), SlotError> {
        *self = Self::Clear { value: serde_json::from_slice(json).map_err(|_| SlotError)?, scope };
        Ok(())
    }
}

mod base64_bytes {
    use super::{Deserializer, Engine, Serializer, URL_SAFE_NO_PAD, de, fmt};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        deserializer.deserialize_str(Base64)
    }

    /// Decodes the text where it stands: there are several in most events.
    struct Base64;

    impl de::Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text in base64")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            URL_SAFE_NO_PAD.decode(text).map_err(E::custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_content_cannot_be_stored_or_printed() {
        let sealed = Personal("anna@example.org".to_owned()).seal(&KeyScope::person(Uuid::nil()));
        assert!(serde_json::to_string(&sealed).is_err());
        assert!(!format!("{sealed:?} {:?}", Personal("anna")).contains("anna"));
    }

    #[test]
    fn a_ciphertext_survives_its_stored_form() {
        let cipher = Cipher {
            seal: SealId(Uuid::nil()),
            key: Uuid::nil(),
            nonce: vec![0, 255],
            bytes: vec![1, 2, 3],
        };
        let stored = serde_json::to_string(&cipher).unwrap();
        assert_eq!(
            serde_json::from_str::<Sealed<String>>(&stored).unwrap(),
            Sealed::Cipher(cipher)
        );
    }
}
