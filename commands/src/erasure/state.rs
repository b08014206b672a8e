//! What rules ask about an erasure.

use decider::{EventMeta, State, Timestamp};
use events::ErasureEvent;
use events::erasure::{ErasureCompleted, ErasureCounts, ErasureRequested};

/// An erasure.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Erasure {
    /// There is none.
    #[default]
    Unknown,
    /// There is one.
    Known(Box<KnownErasure>),
}

/// An erasure that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownErasure {
    /// What was asked for.
    pub requested: ErasureRequested,
    /// When, and by whom.
    pub at: Timestamp,
    /// Who asked.
    pub by: decider::Actor,
    /// How far it has come.
    pub progress: Progress,
    /// How many keys were destroyed.
    pub keys: u64,
    /// How much they made unreadable.
    pub counts: ErasureCounts,
}

/// How far an erasure has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was asked for.
    Requested,
    /// Its keys were destroyed at this time.
    Destroyed(Timestamp),
    /// It is done.
    Completed {
        /// When the keys were destroyed.
        destroyed_at: Timestamp,
        /// When it was done.
        at: Timestamp,
        /// What came of it.
        outcome: ErasureCompleted,
    },
}

impl Erasure {
    /// The erasure, if there is one.
    #[must_use]
    pub const fn known(&self) -> Option<&KnownErasure> {
        match self {
            Self::Unknown => None,
            Self::Known(erasure) => Some(erasure),
        }
    }
}

impl State for Erasure {
    type Event = ErasureEvent;

    fn evolve(&mut self, event: &ErasureEvent, meta: &EventMeta) {
        match (&mut *self, event) {
            (Self::Unknown, ErasureEvent::Requested(requested)) => {
                *self = Self::Known(Box::new(KnownErasure {
                    requested: requested.clone(),
                    at: meta.occurred_at,
                    by: meta.actor,
                    progress: Progress::Requested,
                    keys: 0,
                    counts: ErasureCounts::default(),
                }));
            }
            (Self::Known(erasure), ErasureEvent::KeysDestroyed(destroyed)) => {
                erasure.keys += destroyed.keys.len() as u64;
                erasure.counts = destroyed.counts.unwrap_or(erasure.counts);
                if erasure.progress == Progress::Requested {
                    erasure.progress = Progress::Destroyed(meta.occurred_at);
                }
            }
            (Self::Known(erasure), ErasureEvent::Completed(outcome)) => {
                let destroyed_at = match erasure.progress {
                    Progress::Destroyed(at) => at,
                    Progress::Requested | Progress::Completed { .. } => meta.occurred_at,
                };
                let (at, outcome) = (meta.occurred_at, outcome.clone());
                erasure.progress = Progress::Completed { destroyed_at, at, outcome };
            }
            (Self::Known(_), ErasureEvent::Requested(_))
            | (Self::Unknown, ErasureEvent::KeysDestroyed(_) | ErasureEvent::Completed(_)) => {}
        }
    }

    fn size_bytes(&self) -> usize {
        self.known().map_or(0, |erasure| 400 + erasure.requested.also.len() * 16)
    }
}
