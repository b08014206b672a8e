//! Throwing a draft away.

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::DraftId;
use events::draft::{DraftDiscarded, DraftEvent};

use super::{DraftRejection, Outcome, own, release};
use crate::desk::Desk;

/// Throws a draft of the actor's own away.
#[derive(Clone, Copy, Debug)]
pub struct DiscardDraft {
    /// The draft.
    pub draft_id: DraftId,
}

impl Command for DiscardDraft {
    fn name(&self) -> &'static str {
        "DiscardDraft"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsView)?;
        let user = desk.user().ok_or(DraftRejection::NoUser)?;
        let draft = own(world, self.draft_id, user)?;
        let mut changes = Changes::none();
        match draft.outcome {
            Outcome::Open => {
                changes.on(self.draft_id, DraftEvent::from(DraftDiscarded {}));
                release(world, &draft, &mut changes)?;
            }
            Outcome::Discarded => {}
            Outcome::Sent => return Err(DraftRejection::Closed.into()),
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::MessageId;
    use events::draft::{DraftSent, SentAs};

    use super::*;
    use crate::claims::DRAFT;
    use crate::draft::Draft;
    use crate::fixtures::{Office, id};
    use crate::ticket::fixtures::{DRAFT_ID, given_draft};

    const DISCARD: DiscardDraft = DiscardDraft { draft_id: DRAFT_ID };

    #[test]
    fn a_discarded_draft_makes_room_for_another_d04() {
        let discarded = DraftEvent::from(DraftDiscarded {});
        let changes = given_draft().when(&DISCARD).then(DRAFT_ID, [discarded.clone()]);
        assert_eq!((changes.claims[0].scope, changes.claims[0].holder), (DRAFT, None));
        given_draft().events::<Draft>(DRAFT_ID, [discarded]).when(&DISCARD).then_nothing();
    }

    #[test]
    fn a_sent_draft_is_not_discarded_d04() {
        let sent_as = SentAs::Message(MessageId(id(1)));
        let sent = DraftEvent::from(DraftSent { sent_as });
        given_draft()
            .events::<Draft>(DRAFT_ID, [sent])
            .when(&DISCARD)
            .then_rejected("draft_closed");
    }

    #[test]
    fn a_draft_of_somebody_else_does_not_exist_d03() {
        let admin = Actor::user(Office::ADMIN.0);
        given_draft().actor(admin).when(&DISCARD).then_rejected("not_found");
        given_draft().actor(Actor::SYSTEM).when(&DISCARD).then_rejected("user_required");
    }
}
