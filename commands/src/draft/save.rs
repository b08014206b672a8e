//! Noting that something was written (D01). The words are stored beside the log, with the draft's own key.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::DraftId;
use events::draft::{DraftEvent, DraftSaved};

use super::{DraftRejection, Outcome, own};
use crate::desk::Desk;

/// Notes that a draft of the actor's own was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaveDraft {
    /// The draft.
    pub draft_id: DraftId,
    /// A keyed hash of the content, hexadecimal.
    pub content_mac: String,
    /// Whether the log notes it this time: at most every so often, and on leaving.
    pub record: bool,
}

impl Command for SaveDraft {
    fn name(&self) -> &'static str {
        "SaveDraft"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsView)?;
        let user = desk.user().ok_or(DraftRejection::NoUser)?;
        let draft = own(world, self.draft_id, user)?;
        desk.ticket(draft.ticket, Right::TicketsView)?;
        match draft.outcome {
            Outcome::Open => {}
            Outcome::Sent | Outcome::Discarded => return Err(DraftRejection::Closed.into()),
        }
        let mut changes = Changes::none();
        if self.record {
            let saved = DraftSaved { content_mac: self.content_mac.clone() };
            changes.on(self.draft_id, DraftEvent::from(saved));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["content"])
    }
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::draft::DraftDiscarded;

    use super::*;
    use crate::draft::Draft;
    use crate::fixtures::{Office, id};
    use crate::ticket::fixtures::{DRAFT_ID, given_draft};

    fn save(record: bool) -> SaveDraft {
        SaveDraft { draft_id: DRAFT_ID, content_mac: "5e".to_owned(), record }
    }

    #[test]
    fn a_save_is_noted_when_it_is_due_d01() {
        given_draft()
            .when(&save(true))
            .then::<DraftEvent>(DRAFT_ID, [DraftSaved { content_mac: "5e".to_owned() }.into()]);
        given_draft().when(&save(false)).then_nothing();
    }

    #[test]
    fn a_draft_of_somebody_else_does_not_exist_not_even_for_an_administrator_d03() {
        for user in [Office::ADMIN, Office::LIGHT] {
            given_draft().actor(Actor::user(user.0)).when(&save(true)).then_rejected("not_found");
        }
        let unknown = SaveDraft { draft_id: DraftId(id(9)), ..save(true) };
        given_draft().when(&unknown).then_rejected("not_found");
        given_draft().actor(Actor::SYSTEM).when(&save(true)).then_rejected("user_required");
    }

    #[test]
    fn a_discarded_draft_never_reappears_d04() {
        let closed = given_draft().events::<Draft>(DRAFT_ID, [DraftEvent::from(DraftDiscarded {})]);
        closed.when(&save(true)).then_rejected("draft_closed");
        closed.when(&save(false)).then_rejected("draft_closed");
    }
}
