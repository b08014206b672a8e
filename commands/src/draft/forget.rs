//! Ending a draft because what it was written about is erased (Z06).

use access::Right;
use decider::{Changes, Command, Halt, World};
use events::DraftId;
use events::draft::{DraftDiscarded, DraftEvent};

use super::{Draft, Outcome, release};
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Throws a draft away, whosever it is: its words were erased. One that has ended already is no change.
#[derive(Clone, Copy, Debug)]
pub struct ForgetDraft {
    /// The draft.
    pub draft_id: DraftId,
}

impl Command for ForgetDraft {
    fn name(&self) -> &'static str {
        "ForgetDraft"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::Erase)?;
        let draft = world.state::<Draft>(self.draft_id)?;
        let draft = *draft.live().ok_or(Refusal::NotFound("draft"))?;
        let mut changes = Changes::none();
        match draft.outcome {
            Outcome::Open => {
                changes.on(self.draft_id, DraftEvent::from(DraftDiscarded {}));
                release(world, &draft, &mut changes)?;
            }
            Outcome::Sent | Outcome::Discarded => {}
        }
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::draft::DraftKind;

    use super::*;
    use crate::claims::{DRAFT, draft_key};
    use crate::fixtures::Office;
    use crate::ticket::fixtures::{DRAFT_ID, given_draft};

    const COMMAND: ForgetDraft = ForgetDraft { draft_id: DRAFT_ID };

    #[test]
    fn a_draft_about_somebody_erased_ends_and_its_user_may_start_another_z06() {
        let given = given_draft().actor(Actor::SYSTEM);
        let changes = given.when(&COMMAND).then::<DraftEvent>(DRAFT_ID, [DraftDiscarded {}.into()]);
        let key = draft_key(Office::TICKET, Office::AGENT, DraftKind::Reply);
        assert_eq!(changes.claims.len(), 1);
        assert_eq!((changes.claims[0].scope, &changes.claims[0].key), (DRAFT, &key));
        let ended = given.events::<Draft>(DRAFT_ID, [DraftEvent::from(DraftDiscarded {})]);
        ended.when(&COMMAND).then_nothing();
    }

    #[test]
    fn only_an_erasure_ends_drafts_of_others_z06() {
        given_draft().when(&COMMAND).then_rejected("forbidden");
    }
}
