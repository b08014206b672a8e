//! A new ticket (T04).

use std::collections::BTreeMap;

use access::Right;
use decider::{Changes, Command, Event, Halt, Personal, StreamRef, World};
use events::pipeline::StatusDefinition;
use events::ticket::{
    CategoryChanged, ContactAssociated, ConversationStarted, OwnerChanged, PriorityChanged,
    TagsChanged, TicketCreated,
};
use events::value::{Owner, OwnerChangeReason, Place, Priority, TicketSource};
use events::{ContactId, PipelineId, StatusId, TicketEvent, TicketId};

use super::parts::{checked_category, checked_owner, checked_tags, sealed};
use super::{PropertyInputs, Ticket, TicketRejection};
use crate::claims::TICKET_NUMBER;
use crate::contact::Contact;
use crate::desk::{Desk, ask_all};
use crate::directory::Directory;
use crate::limits::{CONTACTS_MAX, TICKET_NAME_CHARS_MAX};
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Creates a ticket. It has no conversation, unless contacts are named (T07).
#[derive(Clone, Debug)]
pub struct CreateTicket {
    /// Its id.
    pub ticket_id: TicketId,
    /// Its name.
    pub name: Personal<String>,
    /// Its pipeline; none means the workspace's default.
    pub pipeline_id: Option<PipelineId>,
    /// Its status; none means the pipeline's first.
    pub status_id: Option<StatusId>,
    /// How it came to be.
    pub source: TicketSource,
    /// How urgent it is.
    pub priority: Priority,
    /// Its category.
    pub category: Option<String>,
    /// Who is responsible.
    pub owner: Option<Owner>,
    /// Contacts that take part; the first is primary.
    pub contact_ids: Vec<ContactId>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Values of custom properties.
    pub properties: PropertyInputs,
}

impl Command for CreateTicket {
    fn name(&self) -> &'static str {
        "CreateTicket"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: TicketEvent::KIND, id: self.ticket_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::TicketsEdit)?;
        let mut checks = Checks::default();
        let name = checks.take("name", text::line(&self.name.0, TICKET_NAME_CHARS_MAX));
        let tags = checked_tags(&self.tags, &mut checks);
        let category = checked_category(self.category.as_deref(), &mut checks);
        let owner = checked_owner(self.owner, &desk.directory, &mut checks);
        let properties = self.properties.checked(&desk.directory, &mut checks);
        let contacts = self.contacts(world, &mut checks)?;
        checks.finish()?;
        let (place, status) = starting_place(&desk.directory, self.pipeline_id, self.status_id)?;
        properties.require(&status.required_properties, &BTreeMap::new(), &desk.directory)?;
        if world.state::<Ticket>(self.ticket_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("ticket").into());
        }

        let mut writing = Writing { ticket: self.ticket_id, changes: Changes::none() };
        let number = writing.take_number(world)?;
        writing.emit(TicketCreated {
            number,
            name: sealed(self.ticket_id, name),
            pipeline: place.pipeline,
            status: place.status,
            source: self.source,
            imported: false,
            channel: None,
        });
        if self.priority != Priority::None {
            writing.emit(PriorityChanged { from: Priority::None, to: self.priority });
        }
        if category.is_some() {
            writing.emit(CategoryChanged { from: None, to: category });
        }
        if owner.is_some() {
            let reason = OwnerChangeReason::Manual;
            writing.emit(OwnerChanged { from: None, to: owner, reason, note: None });
        }
        if !tags.is_empty() {
            writing.emit(TagsChanged { added: tags, removed: Vec::new() });
        }
        if let Some(set) = properties.event(world, self.ticket_id, &BTreeMap::new())? {
            writing.emit(set);
        }
        for (index, contact) in contacts.iter().enumerate() {
            writing.emit(ContactAssociated { contact: *contact, primary: index == 0 });
        }
        if !contacts.is_empty() {
            writing.emit(ConversationStarted {});
        }
        Ok(writing.changes)
    }
}

impl CreateTicket {
    fn contacts(&self, world: &World<'_>, checks: &mut Checks) -> Result<Vec<ContactId>, Halt> {
        if self.contact_ids.len() > CONTACTS_MAX {
            checks.fault("contact_ids", "too_many", "there are too many contacts");
            return Ok(Vec::new());
        }
        let states = ask_all(self.contact_ids.iter().map(|id| world.state::<Contact>(*id)))?;
        let mut contacts: Vec<ContactId> = Vec::new();
        for (index, (id, contact)) in self.contact_ids.iter().zip(states).enumerate() {
            let field = || format!("contact_ids.{index}");
            if contact.live().is_none() {
                checks.fault(field(), "unknown_contact", "there is no such contact");
            } else if contact.live().is_some_and(|live| live.erased.is_some()) {
                checks.fault(field(), "contact_erased", "this contact was erased");
            } else if !contacts.contains(id) {
                contacts.push(*id);
            }
        }
        Ok(contacts)
    }
}

struct Writing {
    ticket: TicketId,
    changes: Changes,
}

impl Writing {
    fn emit(&mut self, event: impl Into<TicketEvent>) {
        self.changes.on(self.ticket, event.into());
    }

    fn take_number(&mut self, world: &World<'_>) -> Result<u64, Halt> {
        claim_number(world, self.ticket, &mut self.changes)
    }
}

/// Takes the next ticket number.
pub(super) fn claim_number(
    world: &World<'_>,
    ticket: TicketId,
    changes: &mut Changes,
) -> Result<u64, Halt> {
    let number = world.next_number();
    let key = number.to_string();
    // Not read first: the number is new by construction, and the append proves that the key was never used. A read would ask for
    // another number after each command that was decided meanwhile.
    changes.numbers += 1;
    changes.claim(TICKET_NUMBER, key, ticket);
    Ok(number)
}

/// Where a new ticket begins: a status of its pipeline (T04, T08).
pub(super) fn starting_place(
    directory: &Directory,
    pipeline: Option<PipelineId>,
    status: Option<StatusId>,
) -> Result<(Place, &StatusDefinition), TicketRejection> {
    let id = pipeline.or(directory.default_pipeline()).ok_or(TicketRejection::UnknownPipeline)?;
    let pipeline = directory.pipeline(id).ok_or(TicketRejection::UnknownPipeline)?;
    if pipeline.archived {
        return Err(TicketRejection::PipelineArchived);
    }
    let status = match status {
        Some(status) => pipeline.status(status),
        None => pipeline.statuses.first(),
    };
    let status = status.ok_or(TicketRejection::StatusNotInPipeline)?;
    Ok((Place { pipeline: id, status: status.id }, status))
}

#[cfg(test)]
#[path = "create_tests.rs"]
mod tests;
