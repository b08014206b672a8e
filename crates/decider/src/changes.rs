//! What a command decided: events on one or several streams, and natural keys taken or given back.

use uuid::Uuid;

use crate::event::{ErasedEvent, Event};
use crate::ids::LogPosition;
use crate::time::Timestamp;

/// An event that is not in the log yet.
pub struct NewEvent {
    /// The stream it goes to; its kind is the event's.
    pub stream: Uuid,
    /// When the fact happened, for imported history; none means when it is recorded.
    pub occurred_at: Option<Timestamp>,
    /// The event whose effect this one takes back (Z11).
    pub undoes: Option<LogPosition>,
    /// The event.
    pub event: Box<dyn ErasedEvent>,
}

/// A natural key taken or given back. A decision that has not read it through the world says that it was never used; the
/// append proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimChange {
    /// The claim's scope, such as `contact.email`.
    pub scope: &'static str,
    /// The normalised key; it leaves this process only as a keyed MAC.
    pub key: String,
    /// The new holder; none gives the key back.
    pub holder: Option<Uuid>,
}

/// Everything one command changes; it is written as one, or not at all.
#[derive(Default)]
pub struct Changes {
    /// Events in order.
    pub events: Vec<NewEvent>,
    /// Natural keys.
    pub claims: Vec<ClaimChange>,
    /// How many ticket numbers were taken.
    pub numbers: u32,
}

impl Changes {
    /// No change.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Appends an event to a stream.
    pub fn on<E: Event>(&mut self, stream: impl Into<Uuid>, event: E) -> &mut Self {
        self.events.push(NewEvent {
            stream: stream.into(),
            occurred_at: None,
            undoes: None,
            event: Box::new(event),
        });
        self
    }

    /// Appends an event whose fact happened at another time than it is recorded.
    pub fn on_at<E: Event>(
        &mut self,
        stream: impl Into<Uuid>,
        occurred_at: Timestamp,
        event: E,
    ) -> &mut Self {
        self.events.push(NewEvent {
            stream: stream.into(),
            occurred_at: Some(occurred_at),
            undoes: None,
            event: Box::new(event),
        });
        self
    }

    /// Takes a natural key for a stream.
    pub fn claim(
        &mut self,
        scope: &'static str,
        key: impl Into<String>,
        holder: impl Into<Uuid>,
    ) -> &mut Self {
        self.claims.push(ClaimChange { scope, key: key.into(), holder: Some(holder.into()) });
        self
    }

    /// Gives a natural key back.
    pub fn release(&mut self, scope: &'static str, key: impl Into<String>) -> &mut Self {
        self.claims.push(ClaimChange { scope, key: key.into(), holder: None });
        self
    }

    /// Whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.claims.is_empty()
    }
}
