//! What rules ask about a draft.

use decider::{EventMeta, State};
use events::draft::DraftKind;
use events::{DraftEvent, TicketId, UserId};

/// A draft.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Draft {
    /// There is none.
    #[default]
    Unknown,
    /// There is or was one.
    Live(LiveDraft),
}

/// A draft that is or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveDraft {
    /// On which ticket.
    pub ticket: TicketId,
    /// Whose.
    pub user: UserId,
    /// What.
    pub kind: DraftKind,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is being written.
    Open,
    /// It was sent.
    Sent,
    /// It was thrown away.
    Discarded,
}

impl Draft {
    /// The draft, if there is or was one.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveDraft> {
        match self {
            Self::Unknown => None,
            Self::Live(draft) => Some(draft),
        }
    }

    const fn close(&mut self, outcome: Outcome) {
        if let Self::Live(draft) = self {
            draft.outcome = outcome;
        }
    }
}

impl State for Draft {
    type Event = DraftEvent;

    fn evolve(&mut self, event: &DraftEvent, _: &EventMeta) {
        match event {
            DraftEvent::Started(started) => {
                *self = Self::Live(LiveDraft {
                    ticket: started.ticket,
                    user: started.user,
                    kind: started.kind,
                    outcome: Outcome::Open,
                });
            }
            DraftEvent::Saved(_) => {}
            DraftEvent::Sent(_) => self.close(Outcome::Sent),
            DraftEvent::Discarded(_) => self.close(Outcome::Discarded),
        }
    }
}
