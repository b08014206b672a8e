//! Drafts: what may be asked of them. The words themselves are kept elsewhere (D03).

mod discard;
mod forget;
mod save;
mod start;
mod state;

pub use discard::DiscardDraft;
pub use forget::ForgetDraft;
pub use save::SaveDraft;
pub use start::StartDraft;
pub use state::{Draft, LiveDraft, Outcome};

use decider::{Changes, Halt, Rejection, RejectionKind, World};
use events::draft::{DraftKind, DraftSent, SentAs};
use events::{DraftEvent, DraftId, TicketId, UserId};

use crate::claims::{DRAFT, draft_key};
use crate::refusal::Refusal;

/// What only drafts refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DraftRejection {
    /// It was sent or discarded: it never reappears (D04).
    #[error("this draft was sent or discarded")]
    Closed,
    /// Only users write drafts.
    #[error("only a user writes drafts")]
    NoUser,
}

impl Rejection for DraftRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::Closed => "draft_closed",
            Self::NoUser => "user_required",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::Closed => RejectionKind::Conflict,
            Self::NoUser => RejectionKind::Invalid,
        }
    }
}

/// A user's own draft; anybody else's looks as if it did not exist (D03).
fn own(world: &World<'_>, id: DraftId, user: UserId) -> Result<LiveDraft, Halt> {
    let draft = world.state::<Draft>(id)?;
    let own = draft.live().filter(|draft| draft.user == user).copied();
    Ok(own.ok_or(Refusal::NotFound("draft"))?)
}

/// Gives the place of a draft back, so that another may be started.
fn release(world: &World<'_>, draft: &LiveDraft, changes: &mut Changes) -> Result<(), Halt> {
    let key = draft_key(draft.ticket, draft.user, draft.kind);
    world.claim(DRAFT, &key)?;
    changes.release(DRAFT, key);
    Ok(())
}

/// What is sent from a draft: it must be the sender's own, of this ticket and kind.
pub(crate) struct Sending {
    pub draft: DraftId,
    pub ticket: TicketId,
    pub user: Option<UserId>,
    pub kind: DraftKind,
    pub sent_as: SentAs,
}

/// Closes the draft that a message or comment came from.
pub(crate) fn send(
    world: &World<'_>,
    sending: &Sending,
    changes: &mut Changes,
) -> Result<(), Halt> {
    let user = sending.user.ok_or(Refusal::NotFound("draft"))?;
    let draft = own(world, sending.draft, user)?;
    if draft.ticket != sending.ticket || draft.kind != sending.kind {
        return Err(Refusal::NotFound("draft").into());
    }
    match draft.outcome {
        Outcome::Open => {}
        Outcome::Sent | Outcome::Discarded => return Err(DraftRejection::Closed.into()),
    }
    changes.on(sending.draft, DraftEvent::from(DraftSent { sent_as: sending.sent_as }));
    release(world, &draft, changes)
}
