//! Given-when-then for rules: streams built from events, one command, its answer. For tests only.
#![allow(clippy::panic, reason = "a test helper reports by panicking")]

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::Arc;

use uuid::Uuid;

use crate::actor::Actor;
use crate::changes::{Changes, ClaimChange};
use crate::command::Command;
use crate::event::Event;
use crate::ids::StreamRef;
use crate::rejection::{Halt, Rejected};
use crate::sealed::Cipher;
use crate::state::{AnyState, EventMeta, State, StreamType};
use crate::time::Timestamp;
use crate::world::{Facts, World};

/// A world under construction. Streams that were not given do not exist; sealed values stay clear.
pub struct Given {
    streams: HashMap<StreamRef, (u32, AnyState)>,
    initial: HashMap<&'static str, fn() -> AnyState>,
    claims: HashMap<(&'static str, String), Uuid>,
    directory: AnyState,
    actor: Actor,
    now: Timestamp,
    next_number: u64,
}

impl Given {
    /// An empty workspace with this directory.
    #[must_use]
    pub fn directory<D: Send + Sync + 'static>(directory: D) -> Self {
        Self {
            streams: HashMap::new(),
            initial: HashMap::new(),
            claims: HashMap::new(),
            directory: Arc::new(directory),
            actor: Actor::SYSTEM,
            now: Timestamp::from_micros(1_767_225_600_000_000),
            next_number: 1,
        }
    }

    /// These events happened on a stream.
    #[must_use]
    pub fn events<S: State>(
        mut self,
        id: impl Into<Uuid>,
        events: impl IntoIterator<Item = S::Event>,
    ) -> Self {
        let stream = StreamRef { kind: S::Event::KIND, id: id.into() };
        let stream_type = StreamType::of::<S>();
        self.initial.insert(stream.kind, stream_type.initial);
        let (mut version, mut state) =
            self.streams.remove(&stream).unwrap_or_else(|| (0, (stream_type.initial)()));
        for event in events {
            version += 1;
            let meta = EventMeta { version, occurred_at: self.now, actor: self.actor };
            state = (stream_type.evolve)(state, &event, &meta);
        }
        self.streams.insert(stream, (version, state));
        self
    }

    /// A natural key is held.
    #[must_use]
    pub fn claim(mut self, scope: &'static str, key: &str, holder: impl Into<Uuid>) -> Self {
        self.claims.insert((scope, key.to_owned()), holder.into());
        self
    }

    /// Natural keys were taken or given back.
    #[must_use]
    pub fn claims(mut self, changes: &[ClaimChange]) -> Self {
        for change in changes {
            let key = (change.scope, change.key.clone());
            match change.holder {
                Some(holder) => self.claims.insert(key, holder),
                None => self.claims.remove(&key),
            };
        }
        self
    }

    /// Who asks.
    #[must_use]
    pub const fn actor(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// The number the next ticket gets.
    #[must_use]
    pub const fn next_number(mut self, number: u64) -> Self {
        self.next_number = number;
        self
    }

    /// Decides. A stream that was not given is taken as one that does not exist.
    pub fn when(&self, command: &dyn Command) -> Then {
        let world =
            World::new(self, Arc::clone(&self.directory), self.actor, self.now, self.next_number);
        match command.decide(&world) {
            Ok(changes) => Then(Ok(changes)),
            Err(Halt::Rejected(rejected)) => Then(Err(*rejected)),
            Err(Halt::Need(need)) => {
                panic!("the decision asked for {need:?}, which a spec always has")
            }
        }
    }
}

struct Missing;

impl Facts for Given {
    fn state(&self, stream: StreamRef) -> Option<AnyState> {
        // A state of the wrong type makes the world answer with the default state: the stream does not exist.
        Some(self.streams.get(&stream).map_or_else(
            || {
                self.initial
                    .get(stream.kind)
                    .map_or_else(|| Arc::new(Missing) as AnyState, |make| make())
            },
            |(_, state)| Arc::clone(state),
        ))
    }

    fn claim(&self, scope: &'static str, key: &str) -> Option<Option<Uuid>> {
        Some(self.claims.get(&(scope, key.to_owned())).copied())
    }

    fn opened(&self, _stream: Uuid, _field: &str, _cipher: &Cipher) -> Option<Option<Vec<u8>>> {
        Some(None)
    }
}

/// What came of it.
pub struct Then(Result<Changes, Rejected>);

impl Then {
    /// The command was accepted; gives what it changes.
    #[must_use]
    pub fn accepted(self) -> Changes {
        self.0
            .unwrap_or_else(|rejected| panic!("rejected: {} ({})", rejected.code, rejected.detail))
    }

    /// Exactly these events came on one stream, in this order, and none on any other.
    pub fn then<E: Event + PartialEq + Debug>(
        self,
        id: impl Into<Uuid>,
        expected: impl IntoIterator<Item = E>,
    ) -> Changes {
        let (id, changes) = (id.into(), self.accepted());
        let others = changes.events.iter().filter(|new| new.stream != id).count();
        assert_eq!(others, 0, "events on other streams");
        assert_eq!(changes.events_on::<E>(id), expected.into_iter().collect::<Vec<_>>());
        changes
    }

    /// What was decided, whichever way.
    ///
    /// # Errors
    /// The refusal.
    pub fn result(self) -> Result<Changes, Rejected> {
        self.0
    }

    /// Accepted without any change.
    pub fn then_nothing(self) {
        let changes = self.accepted();
        let names: Vec<_> = changes.events.iter().map(|new| new.event.type_name()).collect();
        assert!(changes.is_empty(), "expected no change, got {names:?}");
    }

    /// Refused with this code; gives the refusal.
    pub fn then_rejected(self, code: &str) -> Rejected {
        match self.0 {
            Err(rejected) => {
                assert_eq!(rejected.code, code);
                rejected
            }
            Ok(changes) => {
                let names: Vec<_> =
                    changes.events.iter().map(|new| new.event.type_name()).collect();
                panic!("expected {code}, but it was accepted with {names:?}")
            }
        }
    }
}

impl Changes {
    /// The events of one type on one stream, for tests.
    #[must_use]
    pub fn events_on<E: Event>(&self, id: impl Into<Uuid>) -> Vec<E> {
        let id = id.into();
        self.events
            .iter()
            .filter(|new| new.stream == id)
            .filter_map(|new| new.event.as_any().downcast_ref::<E>().cloned())
            .collect()
    }
}
