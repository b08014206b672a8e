//! Mail addresses as clients write them: `anna@example.org`, `Anna <anna@example.org>`, or an object.

use std::fmt;

use decider::Personal;
use events::message::Address;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use utoipa::ToSchema;

/// A recipient: a text such as `Anna <anna@example.org>`, or name and address apart.
#[derive(Clone, ToSchema)]
#[serde(untagged)]
#[schema(as = Recipient)]
pub enum RecipientBody {
    /// `anna@example.org` or `Anna <anna@example.org>`.
    Text(String),
    /// Name and address apart.
    Parts(RecipientParts),
}

/// Name and address of a recipient.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipientParts {
    /// The display name.
    #[serde(default)]
    name: Option<String>,
    /// The address.
    email: String,
}

/// By hand, so that a mistake in the parts is named: trying one form after the other would only say that none fits.
impl<'de> Deserialize<'de> for RecipientBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecipientVisitor)
    }
}

struct RecipientVisitor;

impl<'de> Visitor<'de> for RecipientVisitor {
    type Value = RecipientBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<RecipientBody, E> {
        Ok(RecipientBody::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<RecipientBody, A::Error> {
        RecipientParts::deserialize(MapAccessDeserializer::new(entries)).map(RecipientBody::Parts)
    }
}

impl From<RecipientBody> for Address {
    fn from(body: RecipientBody) -> Self {
        let text = match body {
            RecipientBody::Parts(RecipientParts { name, email }) => return Self { name, email },
            RecipientBody::Text(text) => text,
        };
        let named = text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        match named {
            Some((name, email)) => {
                let name = name.trim().trim_matches('"').trim();
                let name = (!name.is_empty()).then(|| name.to_owned());
                Self { name, email: email.trim().to_owned() }
            }
            None => Self { name: None, email: text.trim().to_owned() },
        }
    }
}

/// Addresses for a command.
pub fn addresses(bodies: Option<&Vec<RecipientBody>>) -> Option<Personal<Vec<Address>>> {
    bodies.map(|bodies| Personal(bodies.iter().cloned().map(Address::from).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> (Option<String>, String) {
        let body: RecipientBody = serde_json::from_str(json).unwrap();
        let address = Address::from(body);
        (address.name, address.email)
    }

    #[test]
    fn an_address_is_read_with_and_without_its_name_c04() {
        let anna = (Some("Anna B".to_owned()), "anna@example.org".to_owned());
        assert_eq!(read(r#""Anna B <anna@example.org>""#), anna);
        assert_eq!(read(r#""\"Anna B\" <anna@example.org>""#), anna);
        assert_eq!(read(r#"{"name": "Anna B", "email": "anna@example.org"}"#), anna);
        assert_eq!(read(r#"" anna@example.org ""#), (None, anna.1));
        assert!(serde_json::from_str::<RecipientBody>(r#"{"mail": "x"}"#).is_err());
    }
}
