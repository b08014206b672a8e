//! Events that a view passes over: those of a kind it does not fold, never those of a kind nobody knows.

use decider::{DecodeError, StoredEvent};
use events::AnyEvent;

/// An event of a kind that the view does not fold.
///
/// # Errors
/// When this program does not know the kind at all.
pub fn passed_over<E>(stored: &StoredEvent) -> Result<Option<E>, DecodeError> {
    if AnyEvent::KINDS.iter().any(|(kind, _)| *kind == stored.kind) {
        return Ok(None);
    }
    Err(DecodeError::UnknownType {
        kind: stored.kind.clone(),
        type_name: stored.type_name.clone(),
        schema_version: stored.schema_version,
    })
}

/// The stored word of a value whose JSON is one word, such as an enum without fields.
pub fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(_) | Err(_) => String::new(),
    }
}
