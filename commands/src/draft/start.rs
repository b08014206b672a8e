//! Beginning to write (D01).

use access::Right;
use decider::{Aspects, Changes, Command, Event, Halt, StreamRef, World};
use events::draft::{DraftEvent, DraftKind, DraftStarted};
use events::{DraftId, TicketId};

use super::{Draft, DraftRejection};
use crate::claims::{DRAFT, draft_key};
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Begins a draft of the actor's own. When one is open on this ticket already, that is the one, and nothing changes.
#[derive(Clone, Copy, Debug)]
pub struct StartDraft {
    /// The draft's id, if one must be begun.
    pub draft_id: DraftId,
    /// On which ticket.
    pub ticket_id: TicketId,
    /// What.
    pub kind: DraftKind,
}

impl Command for StartDraft {
    fn name(&self) -> &'static str {
        "StartDraft"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: DraftEvent::KIND, id: self.draft_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let right = match self.kind {
            DraftKind::Reply => Right::TicketsCommunicate,
            DraftKind::Comment => Right::TicketsView,
        };
        let desk = Desk::enter(world, right)?;
        let user = desk.user().ok_or(DraftRejection::NoUser)?;
        desk.ticket(self.ticket_id, right)?;
        let key = draft_key(self.ticket_id, user, self.kind);
        if world.claim(DRAFT, &key)?.is_some() {
            return Ok(Changes::none());
        }
        if world.state::<Draft>(self.draft_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("draft").into());
        }
        let started = DraftStarted { ticket: self.ticket_id, user, kind: self.kind };
        let mut changes = Changes::none();
        changes.on(self.draft_id, DraftEvent::from(started)).claim(DRAFT, key, self.draft_id);
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};
    use crate::ticket::fixtures::given;

    fn start(kind: DraftKind) -> StartDraft {
        StartDraft { draft_id: DraftId(id(500)), ticket_id: Office::TICKET, kind }
    }

    #[test]
    fn a_draft_is_begun_and_its_place_taken_d01() {
        let changes = given().when(&start(DraftKind::Reply)).then::<DraftEvent>(
            id(500),
            [DraftStarted { ticket: Office::TICKET, user: Office::AGENT, kind: DraftKind::Reply }
                .into()],
        );
        let key = draft_key(Office::TICKET, Office::AGENT, DraftKind::Reply);
        assert_eq!((changes.claims[0].scope, &changes.claims[0].key), (DRAFT, &key));
        assert_eq!(changes.claims[0].holder, Some(id(500)));
    }

    #[test]
    fn an_open_draft_is_found_again_d01() {
        let key = draft_key(Office::TICKET, Office::AGENT, DraftKind::Reply);
        given().claim(DRAFT, &key, id(7)).when(&start(DraftKind::Reply)).then_nothing();
    }

    #[test]
    fn an_id_is_used_once() {
        let started =
            DraftStarted { ticket: Office::TICKET, user: Office::AGENT, kind: DraftKind::Reply };
        let used = given().events::<Draft>(id(500), [DraftEvent::from(started)]);
        used.when(&start(DraftKind::Comment)).then_rejected("already_exists");
    }

    #[test]
    fn users_write_on_tickets_they_may_write_on() {
        let unknown = StartDraft { ticket_id: TicketId(id(9)), ..start(DraftKind::Reply) };
        given().when(&unknown).then_rejected("not_found");
        let light = || given().actor(decider::Actor::user(Office::LIGHT.0));
        light().when(&start(DraftKind::Reply)).then_rejected("forbidden");
        assert_eq!(light().when(&start(DraftKind::Comment)).accepted().events.len(), 1);
        let system = given().actor(decider::Actor::SYSTEM);
        system.when(&start(DraftKind::Reply)).then_rejected("user_required");
    }
}
