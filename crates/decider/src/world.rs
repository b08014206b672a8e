//! What a decision may read. Everything read is remembered, so that the log can prove it unchanged when it appends.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::actor::Actor;
use crate::event::Event;
use crate::ids::StreamRef;
use crate::rejection::{Halt, Need};
use crate::sealed::{Cipher, Opened, Sealed};
use crate::state::{AnyState, State};
use crate::time::Timestamp;

/// What is at hand; `None` means that it must be fetched first. Implementations note what was asked for.
pub trait Facts {
    /// The state of a stream.
    fn state(&self, stream: StreamRef) -> Option<AnyState>;
    /// Who holds a natural key, if anybody does.
    fn claim(&self, scope: &'static str, key: &str) -> Option<Option<Uuid>>;
    /// The JSON inside a ciphertext; inner `None` when its key was destroyed.
    fn opened(&self, stream: Uuid, field: &str, cipher: &Cipher) -> Option<Option<Vec<u8>>>;
}

/// What a decision may read: states, natural keys, the directory, and time and actor as data.
pub struct World<'a> {
    facts: &'a dyn Facts,
    directory: AnyState,
    actor: Actor,
    now: Timestamp,
    next_number: u64,
}

impl<'a> World<'a> {
    /// A world over what is at hand.
    #[must_use]
    pub fn new(
        facts: &'a dyn Facts,
        directory: AnyState,
        actor: Actor,
        now: Timestamp,
        next_number: u64,
    ) -> Self {
        Self { facts, directory, actor, now, next_number }
    }

    /// Who asks.
    #[must_use]
    pub const fn actor(&self) -> Actor {
        self.actor
    }

    /// When it is asked. Events carry the database's time; this is for rules that compare with it.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The ticket number that a creating command gets; it must say so in [`crate::Changes::numbers`].
    #[must_use]
    pub const fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The workspace's directory. A directory of another type than the handler's is empty.
    #[must_use]
    pub fn directory<D: Default + Clone + Send + Sync + 'static>(&self) -> Arc<D> {
        Arc::clone(&self.directory).downcast::<D>().unwrap_or_default()
    }

    /// The state of a stream; the default state when it does not exist.
    ///
    /// # Errors
    /// [`Halt::Need`] when it is not at hand.
    pub fn state<S: State>(&self, id: impl Into<Uuid>) -> Result<Arc<S>, Halt> {
        let stream = StreamRef { kind: S::Event::KIND, id: id.into() };
        let state =
            self.facts.state(stream).ok_or_else(|| Halt::Need(Box::new(Need::Stream(stream))))?;
        Ok(state.downcast::<S>().unwrap_or_default())
    }

    /// Who holds a natural key.
    ///
    /// # Errors
    /// [`Halt::Need`] when it is not at hand.
    pub fn claim(&self, scope: &'static str, key: &str) -> Result<Option<Uuid>, Halt> {
        self.facts
            .claim(scope, key)
            .ok_or_else(|| Halt::Need(Box::new(Need::Claim { scope, key: key.to_owned() })))
    }

    /// The content of a sealed value that came from an event of `stream`.
    ///
    /// # Errors
    /// [`Halt::Need`] when it is not at hand.
    pub fn open<T: DeserializeOwned + Clone>(
        &self,
        stream: impl Into<Uuid>,
        field: &str,
        sealed: &Sealed<T>,
    ) -> Result<Opened<T>, Halt> {
        let cipher = match sealed {
            Sealed::Clear { value, .. } => return Ok(Opened::Open(value.clone())),
            Sealed::Cipher(cipher) => cipher,
        };
        let stream = stream.into();
        let json = self.facts.opened(stream, field, cipher).ok_or_else(|| {
            Halt::Need(Box::new(Need::Open {
                stream,
                field: field.to_owned(),
                cipher: cipher.clone(),
            }))
        })?;
        Ok(json
            .and_then(|json| serde_json::from_slice(&json).ok())
            .map_or(Opened::Forgotten, Opened::Open))
    }
}
