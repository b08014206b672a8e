//! What an event type has to offer, with and without knowing its Rust type.

use std::any::Any;

use crate::aspects::Aspects;
use crate::sealed::SealedSlot;

/// A stored event that this program cannot read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The type, or this version of it, is not known to this program.
    #[error("unknown event type {kind}/{type_name} version {schema_version}")]
    UnknownType {
        /// The stream kind.
        kind: String,
        /// The stored type name.
        type_name: String,
        /// The stored schema version.
        schema_version: u16,
    },
    /// The payload does not fit the type.
    #[error("the payload of {type_name} version {schema_version} cannot be read")]
    Payload {
        /// The stored type name.
        type_name: String,
        /// The stored schema version.
        schema_version: u16,
        /// What serde says; it names fields and places, never content of sealed values.
        #[source]
        source: serde_json::Error,
    },
}

/// An event that cannot be written: usually because personal content was not sealed.
#[derive(Debug, thiserror::Error)]
#[error("the event {type_name} cannot be written")]
pub struct EncodeError {
    /// The stored type name.
    pub type_name: &'static str,
    /// What serde says.
    #[source]
    pub source: serde_json::Error,
}

/// The events of one kind of stream: one enum per kind.
pub trait Event: Clone + Send + Sync + 'static {
    /// The stored stream kind, such as `ticket`.
    const KIND: &'static str;

    /// The stored type name; never a Rust path.
    fn type_name(&self) -> &'static str;

    /// The stored version of the payload's shape.
    fn schema_version(&self) -> u16;

    /// The payload without its tag, as JSON.
    ///
    /// # Errors
    /// When a sealed field is still clear.
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;

    /// Reads a payload, older versions included.
    ///
    /// # Errors
    /// When type or version are unknown, or the payload does not fit.
    fn decode(type_name: &str, schema_version: u16, payload: &[u8]) -> Result<Self, DecodeError>;

    /// Shows every sealed field with its stable name, which is part of its associated data.
    fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot));

    /// What this event changed (W03).
    fn touches(&self) -> Aspects {
        Aspects::All
    }
}

/// An event whose Rust type is not known here.
pub trait ErasedEvent: Send + Sync {
    /// See [`Event::KIND`].
    fn kind(&self) -> &'static str;
    /// See [`Event::type_name`].
    fn type_name(&self) -> &'static str;
    /// See [`Event::schema_version`].
    fn schema_version(&self) -> u16;
    /// See [`Event::encode`].
    ///
    /// # Errors
    /// When a sealed field is still clear.
    fn encode(&self) -> Result<Vec<u8>, EncodeError>;
    /// See [`Event::visit_sealed`].
    fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot));
    /// The event itself, for who knows its type.
    fn as_any(&self) -> &dyn Any;
}

impl<E: Event> ErasedEvent for E {
    fn kind(&self) -> &'static str {
        E::KIND
    }
    fn type_name(&self) -> &'static str {
        Event::type_name(self)
    }
    fn schema_version(&self) -> u16 {
        Event::schema_version(self)
    }
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        Event::encode(self)
    }
    fn visit_sealed(&mut self, visit: &mut dyn FnMut(&str, &mut dyn SealedSlot)) {
        Event::visit_sealed(self, visit);
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}
