//! Who is responsible for a ticket.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, Personal, World};
use events::ticket::OwnerChanged;
use events::value::{Owner, OwnerChangeReason};
use events::{TicketEvent, TicketId};

use super::parts::{checked_owner, sealed};
use crate::desk::Desk;
use crate::limits::NOTE_BYTES_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Makes somebody responsible, or nobody. Assigning to the present owner changes nothing.
#[derive(Clone, Debug)]
pub struct AssignTicket {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who is responsible from now on.
    pub to: Option<Owner>,
    /// A word to the new owner.
    pub note: Option<Personal<String>>,
}

impl Command for AssignTicket {
    fn name(&self) -> &'static str {
        "AssignTicket"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsEdit)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsEdit)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        let mut checks = Checks::default();
        let to = checked_owner(self.to, &desk.directory, &mut checks);
        let note = self.note.as_ref().map_or("", |note| &note.0);
        let note = checks.take("note", text::body(note, NOTE_BYTES_MAX));
        checks.finish()?;
        let mut changes = Changes::none();
        if to != live.owner {
            let note = (!text::is_blank(&note)).then(|| sealed(self.ticket_id, note));
            let reason = OwnerChangeReason::Manual;
            let changed = OwnerChanged { from: live.owner, to, reason, note };
            changes.on(self.ticket_id, TicketEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["owner"])
    }
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use events::{TeamId, UserId};

    use super::*;
    use crate::fixtures::{Office, id, personal};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::given;

    fn assign(to: Option<Owner>) -> AssignTicket {
        AssignTicket { ticket_id: Office::TICKET, to, note: None }
    }

    const ADMIN: Option<Owner> = Some(Owner::user(Office::ADMIN));

    fn changed(from: Option<Owner>, to: Option<Owner>, note: Option<&str>) -> TicketEvent {
        let note = note.map(|note| sealed(Office::TICKET, note));
        OwnerChanged { from, to, reason: OwnerChangeReason::Manual, note }.into()
    }

    #[test]
    fn a_user_becomes_responsible_with_a_word_t11() {
        let command = AssignTicket { note: Some(personal("Please hurry")), ..assign(ADMIN) };
        let expected = changed(None, ADMIN, Some("Please hurry"));
        given().when(&command).then(Office::TICKET, [expected]);
        let blank = AssignTicket { note: Some(personal(" ")), ..assign(ADMIN) };
        given().when(&blank).then(Office::TICKET, [changed(None, ADMIN, None)]);
    }

    #[test]
    fn the_present_owner_is_no_change_and_nobody_is_one() {
        let owned = given().events::<Ticket>(Office::TICKET, [changed(None, ADMIN, None)]);
        owned.when(&assign(ADMIN)).then_nothing();
        owned.when(&assign(None)).then(Office::TICKET, [changed(ADMIN, None, None)]);
        let neither = Some(Owner { user: None, team: None });
        owned.when(&assign(neither)).then(Office::TICKET, [changed(ADMIN, None, None)]);
        given().when(&assign(None)).then_nothing();
    }

    #[test]
    fn an_owner_is_a_user_with_access() {
        let unknown = Some(Owner::user(UserId(id(9))));
        given().when(&assign(unknown)).then_rejected("unknown_user");
        given().when(&assign(Some(Owner::user(Office::GONE)))).then_rejected("inactive_user");
        let team = Some(Owner { user: None, team: Some(TeamId(id(9))) });
        given().when(&assign(team)).then_rejected("unknown_team");
        let long = AssignTicket { note: Some(personal(&"x".repeat(20_000))), ..assign(ADMIN) };
        given().when(&long).then_rejected("too_long");
    }

    #[test]
    fn a_known_ticket_is_assigned_by_who_may() {
        let unknown = AssignTicket { ticket_id: TicketId(id(9)), ..assign(ADMIN) };
        given().when(&unknown).then_rejected("not_found");
        let light = given().actor(Actor::user(Office::LIGHT.0));
        light.when(&assign(ADMIN)).then_rejected("forbidden");
    }
}
