//! Which fields of a payload are sealed, under which stable names, and whether they belong to their event.

use std::cell::OnceCell;

use decider::{DecodeError, Event, SealId, Sealed, SealedSlot, StoredEvent};
use serde::Serialize;
use serde::de::{DeserializeOwned, Error};

/// Takes a sealed field and its stable name.
pub type Visit<'a> = &'a mut dyn FnMut(&str, &mut dyn SealedSlot);

/// A payload that can show its sealed fields.
pub trait SealedFields {
    /// Shows every sealed field with its stable name.
    fn visit_sealed(&mut self, visit: Visit<'_>);
}

/// A field that may be sealed.
pub trait SealedField {
    /// Shows it under a name.
    fn show(&mut self, name: &str, visit: Visit<'_>);
}

impl<T: Serialize + DeserializeOwned> SealedField for Sealed<T> {
    fn show(&mut self, name: &str, visit: Visit<'_>) {
        visit(name, self);
    }
}

impl<T: Serialize + DeserializeOwned> SealedField for Option<Sealed<T>> {
    fn show(&mut self, name: &str, visit: Visit<'_>) {
        if let Some(sealed) = self {
            visit(name, sealed);
        }
    }
}

/// Names the sealed fields of payloads: `Struct { field => "name" }`, or `Struct {}` for one without any.
macro_rules! sealed_fields {
    ($($payload:ident { $($field:ident => $name:literal),* })+) => {$(
        impl $crate::seal::SealedFields for $payload {
            #[allow(unused_variables, reason = "a payload without sealed fields shows none")]
            fn visit_sealed(&mut self, visit: $crate::seal::Visit<'_>) {
                $($crate::seal::SealedField::show(&mut self.$field, $name, visit);)*
            }
        }
    )+};
}

pub(crate) use sealed_fields;

/// A sealed field was put into this event from another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sealed field {field} belongs to another event")]
pub struct SealMismatch {
    /// The field's stable name.
    pub field: String,
}

/// Checks that every sealed field was sealed for the event it stands in.
///
/// # Errors
/// When a field carries another seal, or none.
pub fn check_seals<E: Event>(event: &mut E, stored: &StoredEvent) -> Result<(), SealMismatch> {
    // Computed when the first field asks: most events have none.
    let own: OnceCell<SealId> = OnceCell::new();
    let mut wrong = None;
    event.visit_sealed(&mut |field, slot| {
        let seal = *own.get_or_init(|| stored.seal());
        if slot.cipher().is_none_or(|cipher| cipher.seal != seal) {
            wrong.get_or_insert_with(|| field.to_owned());
        }
    });
    wrong.map_or(Ok(()), |field| Err(SealMismatch { field }))
}

/// Reads a stored event and checks its seals.
///
/// # Errors
/// When it is unknown, unreadable, or carries sealed fields of another event.
pub fn decode_stored<E: Event>(stored: &StoredEvent) -> Result<E, DecodeError> {
    let mut event = E::decode(&stored.type_name, stored.schema_version, &stored.payload)?;
    check_seals(&mut event, stored).map_err(|mismatch| DecodeError::Payload {
        type_name: stored.type_name.clone(),
        schema_version: stored.schema_version,
        source: serde_json::Error::custom(mismatch),
    })?;
    Ok(event)
}

#[cfg(test)]
mod tests {
    use decider::{Actor, Cipher, CommandId, EventContext, LogPosition, Timestamp, WorkspaceId};
    use uuid::Uuid;

    use super::*;
    use crate::AnyEvent;

    fn stored(seal: SealId) -> StoredEvent {
        let cipher = Cipher { seal, key: Uuid::nil(), nonce: vec![0; 12], bytes: vec![1] };
        let name = serde_json::to_value(&cipher).unwrap();
        let payload = serde_json::json!({ "name": name, "email": name, "role": "agent" });
        StoredEvent {
            ws: WorkspaceId(Uuid::nil()),
            position: LogPosition(1),
            at: Timestamp::default(),
            occurred_at: Timestamp::default(),
            stream: Uuid::nil(),
            version: 1,
            kind: "user".to_owned(),
            type_name: "UserAdded".to_owned(),
            schema_version: 1,
            command: CommandId(Uuid::nil()),
            actor: Actor::SYSTEM,
            context: EventContext { ordinal: 3, ..EventContext::default() },
            payload: payload.to_string().into_bytes(),
        }
    }

    #[test]
    fn an_event_with_its_own_sealed_fields_is_read() {
        let own = SealId::of(CommandId(Uuid::nil()), 3);
        assert!(AnyEvent::decode(&stored(own)).is_ok());
    }

    #[test]
    fn a_sealed_field_moved_from_another_event_is_refused() {
        let other = SealId::of(CommandId(Uuid::nil()), 2);
        let error = AnyEvent::decode(&stored(other)).unwrap_err();
        assert!(matches!(error, DecodeError::Payload { .. }), "{error}");
    }

    #[test]
    fn an_unknown_kind_is_never_passed_over() {
        let stored = StoredEvent { kind: "spell".to_owned(), ..stored(SealId(Uuid::nil())) };
        assert!(matches!(AnyEvent::decode(&stored), Err(DecodeError::UnknownType { .. })));
    }
}
