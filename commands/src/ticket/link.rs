//! Tickets that have to do with each other.

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::ticket::{TicketLinked, TicketUnlinked};
use events::value::LinkReason;
use events::{TicketEvent, TicketId};

use super::{LiveTicket, TicketRejection};
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Links two tickets, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct LinkTickets {
    /// One ticket.
    pub ticket_id: TicketId,
    /// The other.
    pub other_id: TicketId,
}

impl Command for LinkTickets {
    fn name(&self) -> &'static str {
        "LinkTickets"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        if self.ticket_id == self.other_id {
            return Err(TicketRejection::LinkedToItself.into());
        }
        let mut changes = Changes::none();
        each_way(world, self.ticket_id, self.other_id, |live, id, other| {
            if !live.links.contains(&other) {
                let linked = TicketLinked { other, reason: LinkReason::Manual };
                changes.on(id, TicketEvent::from(linked));
            }
        })?;
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["links"])
    }
}

/// Takes the link between two tickets away, in both directions.
#[derive(Clone, Copy, Debug)]
pub struct UnlinkTickets {
    /// One ticket.
    pub ticket_id: TicketId,
    /// The other.
    pub other_id: TicketId,
}

impl Command for UnlinkTickets {
    fn name(&self) -> &'static str {
        "UnlinkTickets"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let mut changes = Changes::none();
        each_way(world, self.ticket_id, self.other_id, |live, id, other| {
            if live.links.contains(&other) {
                changes.on(id, TicketEvent::from(TicketUnlinked { other }));
            }
        })?;
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["links"])
    }
}

fn each_way(
    world: &World<'_>,
    ticket: TicketId,
    other: TicketId,
    mut then: impl FnMut(&LiveTicket, TicketId, TicketId),
) -> Result<(), Halt> {
    let desk = Desk::enter(world, Right::TicketsEdit)?;
    for (from, to) in [(ticket, other), (other, ticket)] {
        let state = desk.ticket(from, Right::TicketsEdit)?;
        then(state.live().ok_or(Refusal::NotFound("ticket"))?, from, to);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use decider::spec::Given;

    use super::*;
    use crate::fixtures::{Office, id};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::{created, given};

    const OTHER: TicketId = TicketId(id(61));
    const LINK: LinkTickets = LinkTickets { ticket_id: Office::TICKET, other_id: OTHER };
    const UNLINK: UnlinkTickets = UnlinkTickets { ticket_id: Office::TICKET, other_id: OTHER };

    fn two() -> Given {
        given().events::<Ticket>(OTHER, [created(OTHER)])
    }

    fn linked(other: TicketId) -> TicketEvent {
        TicketLinked { other, reason: LinkReason::Manual }.into()
    }

    #[test]
    fn two_tickets_are_linked_once_and_both_ways() {
        let changes = two().when(&LINK).accepted();
        assert_eq!(changes.events_on::<TicketEvent>(Office::TICKET), [linked(OTHER)]);
        assert_eq!(changes.events_on::<TicketEvent>(OTHER), [linked(Office::TICKET)]);
        let both = two()
            .events::<Ticket>(Office::TICKET, [linked(OTHER)])
            .events::<Ticket>(OTHER, [linked(Office::TICKET)]);
        both.when(&LINK).then_nothing();
        let changes = both.when(&UNLINK).accepted();
        let expected = TicketEvent::from(TicketUnlinked { other: OTHER });
        assert_eq!(changes.events_on::<TicketEvent>(Office::TICKET), [expected]);
        assert_eq!(changes.events.len(), 2);
        two().when(&UNLINK).then_nothing();
    }

    #[test]
    fn a_ticket_is_not_linked_to_itself_or_to_nothing() {
        let itself = LinkTickets { other_id: Office::TICKET, ..LINK };
        given().when(&itself).then_rejected("linked_to_itself");
        given().when(&LINK).then_rejected("not_found");
        given().when(&UNLINK).then_rejected("not_found");
        two().actor(Actor::user(Office::LIGHT.0)).when(&LINK).then_rejected("forbidden");
    }
}
