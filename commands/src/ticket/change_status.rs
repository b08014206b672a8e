//! Another status within the pipeline (T08), with the properties it asks for (T10).

use access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::ticket::StatusChanged;
use events::value::Place;
use events::{StatusId, TicketEvent, TicketId};

use super::values::PropertyEdit;
use super::{LiveTicket, PropertyInputs, TicketRejection};
use crate::desk::Desk;
use crate::directory::Directory;
use crate::refusal::{Checks, Refusal};

/// Moves a ticket to another status of its pipeline. Nothing is written until all that the status asks for is there.
#[derive(Clone, Debug)]
pub struct ChangeStatus {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Its status from now on.
    pub status_id: StatusId,
    /// Values of custom properties, set together with it.
    pub properties: PropertyInputs,
}

impl Command for ChangeStatus {
    fn name(&self) -> &'static str {
        "ChangeStatus"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter(world, Right::TicketsEdit)?;
        let ticket = desk.ticket(self.ticket_id, Right::TicketsEdit)?;
        let live = ticket.live().ok_or(Refusal::NotFound("ticket"))?;
        let mut checks = Checks::default();
        let properties = self.properties.checked(&desk.directory, &mut checks);
        checks.finish()?;
        let changed = entering(&desk.directory, live, self.status_id, &properties)?;
        let mut changes = Changes::none();
        if let Some(set) = properties.event(world, self.ticket_id, &live.properties)? {
            changes.on(self.ticket_id, TicketEvent::from(set));
        }
        if let Some(changed) = changed {
            changes.on(self.ticket_id, TicketEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        // Which properties the rule reads is the status's business: any of them.
        self.properties.touches(Aspects::of(&["status", "properties"]))
    }
}

/// The change to a status of the ticket's pipeline; none when the ticket is in it (T08, T10).
pub(super) fn entering(
    directory: &Directory,
    live: &LiveTicket,
    status: StatusId,
    properties: &PropertyEdit,
) -> Result<Option<StatusChanged>, TicketRejection> {
    let pipeline = live.place.pipeline;
    let definition = directory.pipeline(pipeline).and_then(|pipeline| pipeline.status(status));
    let definition = definition.ok_or(TicketRejection::StatusNotInPipeline)?;
    let to = Place { pipeline, status };
    if to == live.place {
        return Ok(None);
    }
    properties.require(&definition.required_properties, &live.properties, directory)?;
    Ok(Some(StatusChanged { from: live.place, to, with_reply: None }))
}

#[cfg(test)]
mod tests {
    use decider::Actor;
    use serde_json::json;

    use super::*;
    use crate::fixtures::{Office, id};
    use crate::ticket::Ticket;
    use crate::ticket::fixtures::{given, inputs};

    fn to(status_id: StatusId) -> ChangeStatus {
        ChangeStatus { ticket_id: Office::TICKET, status_id, properties: PropertyInputs::default() }
    }

    fn place(status: StatusId) -> Place {
        Place { pipeline: Office::SUPPORT, status }
    }

    fn changed(status: StatusId) -> TicketEvent {
        let (from, to) = (place(Office::NEW), place(status));
        StatusChanged { from, to, with_reply: None }.into()
    }

    #[test]
    fn a_ticket_moves_to_another_status_of_its_pipeline_t08() {
        given().when(&to(Office::WAITING)).then(Office::TICKET, [changed(Office::WAITING)]);
        given().when(&to(Office::NEW)).then_nothing();
        given().when(&to(Office::LEAD)).then_rejected("status_not_in_pipeline");
    }

    #[test]
    fn a_conditional_status_asks_for_exactly_what_is_missing_t10() {
        let rejected =
            given().when(&to(Office::SOLVED)).then_rejected("required_properties_missing");
        let fields: Vec<_> = rejected.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["properties.severity", "properties.root_cause"]);

        let half = ChangeStatus {
            properties: inputs(&[("severity", json!("low")), ("root_cause", json!(" "))]),
            ..to(Office::SOLVED)
        };
        let rejected = given().when(&half).then_rejected("required_properties_missing");
        assert_eq!(rejected.fields.len(), 1);
    }

    #[test]
    fn properties_are_set_together_with_the_status_t10() {
        let both = ChangeStatus {
            properties: inputs(&[("severity", json!("low")), ("root_cause", json!("Fuse"))]),
            ..to(Office::SOLVED)
        };
        let events = given().when(&both).accepted().events_on::<TicketEvent>(Office::TICKET);
        assert!(matches!(events[0], TicketEvent::PropertiesSet(_)));
        assert_eq!(events[1..], [changed(Office::SOLVED)]);
    }

    #[test]
    fn what_is_filled_already_need_not_be_given_again_t10() {
        let severity =
            ChangeStatus { properties: inputs(&[("severity", json!("low"))]), ..to(Office::NEW) };
        let filled = given().when(&severity).accepted().events_on::<TicketEvent>(Office::TICKET);
        let given = given().events::<Ticket>(Office::TICKET, filled);
        let cause = ChangeStatus {
            properties: inputs(&[("root_cause", json!("Fuse"))]),
            ..to(Office::SOLVED)
        };
        assert_eq!(given.when(&cause).accepted().events.len(), 2);
        let emptied = ChangeStatus {
            properties: inputs(&[("root_cause", json!("Fuse")), ("severity", json!(null))]),
            ..to(Office::SOLVED)
        };
        given.when(&emptied).then_rejected("required_properties_missing");
    }

    #[test]
    fn a_known_ticket_is_moved_by_who_may() {
        let unknown = ChangeStatus { ticket_id: TicketId(id(9)), ..to(Office::WAITING) };
        given().when(&unknown).then_rejected("not_found");
        let light = given().actor(Actor::user(Office::LIGHT.0));
        light.when(&to(Office::WAITING)).then_rejected("forbidden");
        let wrong =
            ChangeStatus { properties: inputs(&[("due", json!(1))]), ..to(Office::WAITING) };
        given().when(&wrong).then_rejected("invalid_value");
    }
}
