//! State folded from a stream, with and without knowing its Rust type.

use std::any::Any;
use std::sync::Arc;

use crate::actor::Actor;
use crate::aspects::Aspects;
use crate::event::{DecodeError, ErasedEvent, Event};
use crate::ids::Version;
use crate::stored::StoredEvent;
use crate::time::Timestamp;

/// The envelope as far as a state may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMeta {
    /// Place in the stream, from 1.
    pub version: Version,
    /// When the fact happened.
    pub occurred_at: Timestamp,
    /// Who caused it.
    pub actor: Actor,
}

/// What rules ask about one aggregate. `Default` is the stream that does not exist.
pub trait State: Default + Clone + Send + Sync + 'static {
    /// Its events.
    type Event: Event;
    /// Whether its events belong to the workspace's directory, which every command reads.
    const DIRECTORY: bool = false;

    /// Takes one event in. Total: every event must be thought about.
    fn evolve(&mut self, event: &Self::Event, meta: &EventMeta);

    /// Roughly how many bytes it occupies, for the bound of the cache.
    fn size_bytes(&self) -> usize {
        std::mem::size_of::<Self>()
    }
}

/// A state whose Rust type is not known here.
pub type AnyState = Arc<dyn Any + Send + Sync>;

/// How to fold one kind of stream without knowing its Rust type.
#[derive(Clone, Copy)]
pub struct StreamType {
    /// The stream kind.
    pub kind: &'static str,
    /// Whether its events belong to the directory.
    pub directory: bool,
    /// The state of a stream that does not exist.
    pub initial: fn() -> AnyState,
    /// Folds an event that was just decided.
    pub evolve: fn(AnyState, &dyn ErasedEvent, &EventMeta) -> AnyState,
    /// Folds a run of stored events.
    pub evolve_stored: fn(AnyState, &[StoredEvent]) -> Result<AnyState, DecodeError>,
    /// What a stored event touched.
    pub touches: fn(&StoredEvent) -> Result<Aspects, DecodeError>,
    /// Roughly how many bytes a state occupies.
    pub size_bytes: fn(&AnyState) -> usize,
}

impl StreamType {
    /// The descriptor of a state type.
    #[must_use]
    pub fn of<S: State>() -> Self {
        Self {
            kind: S::Event::KIND,
            directory: S::DIRECTORY,
            initial: || Arc::new(S::default()),
            evolve: evolve::<S>,
            evolve_stored: evolve_stored::<S>,
            touches: |stored| Ok(decode::<S::Event>(stored)?.touches()),
            size_bytes: |state| state.downcast_ref::<S>().map_or(0, State::size_bytes),
        }
    }
}

fn decode<E: Event>(stored: &StoredEvent) -> Result<E, DecodeError> {
    E::decode(&stored.type_name, stored.schema_version, &stored.payload)
}

/// The typed state, without a copy where nobody else holds it; a state of another type counts as not existing.
fn typed<S: State>(state: AnyState) -> Arc<S> {
    state.downcast::<S>().unwrap_or_default()
}

fn evolve<S: State>(state: AnyState, event: &dyn ErasedEvent, meta: &EventMeta) -> AnyState {
    let mut next = typed::<S>(state);
    if let Some(event) = event.as_any().downcast_ref::<S::Event>() {
        Arc::make_mut(&mut next).evolve(event, meta);
    }
    next
}

fn evolve_stored<S: State>(
    state: AnyState,
    events: &[StoredEvent],
) -> Result<AnyState, DecodeError> {
    let mut next = typed::<S>(state);
    for stored in events {
        let meta = EventMeta {
            version: stored.version,
            occurred_at: stored.occurred_at,
            actor: stored.actor,
        };
        let event = decode::<S::Event>(stored)?;
        Arc::make_mut(&mut next).evolve(&event, &meta);
    }
    Ok(next)
}

/// What every decision may read: users, pipelines, properties, channels of the workspace.
pub trait Directory: Default + Clone + Send + Sync + 'static {
    /// Takes one stored directory event in.
    ///
    /// # Errors
    /// When the event is unknown to this program.
    fn fold(&mut self, stored: &StoredEvent) -> Result<(), DecodeError>;
}

/// A directory whose Rust type is not known here.
#[derive(Clone, Copy)]
pub struct DirectoryType {
    /// The directory of an empty log.
    pub initial: fn() -> AnyState,
    /// Folds a run of stored directory events.
    pub fold: fn(&AnyState, &[StoredEvent]) -> Result<AnyState, DecodeError>,
}

impl DirectoryType {
    /// The descriptor of a directory type.
    #[must_use]
    pub fn of<D: Directory>() -> Self {
        Self {
            initial: || Arc::new(D::default()),
            fold: |state, events| {
                let mut next = state.downcast_ref::<D>().cloned().unwrap_or_default();
                events.iter().try_for_each(|stored| next.fold(stored))?;
                Ok(Arc::new(next))
            },
        }
    }
}
