//! The forward commands that lead back to how a ticket was before some of its events.

use std::collections::BTreeSet;

use decider::{Changes, Command, Halt, Opened, Personal, Sealed, World};
use events::ticket::{ContactDissociated, ConversationEnded, property_field};
use events::value::{Owner, PropertyChange, PropertyValue};
use events::{ContactId, StatusId, TicketEvent, TicketId};
use serde_json::Value;

use super::UndoRejection;
use crate::directory::Directory;
use crate::ticket::values::refuse_empty;
use crate::ticket::{
    AddContact, AssignTicket, ChangeStatus, ContactChoice, LinkTickets, LiveTicket, PropertyInputs,
    TicketRejection, UnlinkTickets, UpdateTicket,
};

/// What is to be asked for.
pub struct WayBack<'a> {
    live: &'a LiveTicket,
    ticket: TicketId,
    update: UpdateTicket,
    status: Option<StatusId>,
    owner: Option<Option<Owner>>,
    links: Vec<(TicketId, bool)>,
    contacts: Vec<(ContactId, bool)>,
    ends_conversation: bool,
    emptied: BTreeSet<events::PropertyId>,
}

impl<'a> WayBack<'a> {
    pub fn new(ticket: TicketId, live: &'a LiveTicket) -> Self {
        let update = UpdateTicket {
            ticket_id: ticket,
            name: None,
            priority: None,
            category: None,
            tags: None,
            properties: PropertyInputs::default(),
        };
        Self {
            live,
            ticket,
            update,
            status: None,
            owner: None,
            links: Vec::new(),
            contacts: Vec::new(),
            ends_conversation: false,
            emptied: BTreeSet::new(),
        }
    }

    /// Adds the way back from one event.
    pub fn add(&mut self, world: &World<'_>, event: &TicketEvent) -> Result<(), Halt> {
        match event {
            TicketEvent::Renamed(renamed) => {
                let from = renamed.from.as_ref().ok_or(UndoRejection::ValueErased)?;
                let name = opened(world, self.ticket, "name.from", from)?;
                self.update.name = Some(Personal(name));
            }
            TicketEvent::StatusChanged(changed) => self.status = Some(changed.from.status),
            TicketEvent::PriorityChanged(changed) => self.update.priority = Some(changed.from),
            TicketEvent::CategoryChanged(changed) => {
                self.update.category = Some(changed.from.clone());
            }
            TicketEvent::OwnerChanged(changed) => self.owner = Some(changed.from),
            TicketEvent::TagsChanged(changed) => {
                let kept = self.live.tags.iter().filter(|tag| !changed.added.contains(tag));
                self.update.tags = Some(kept.chain(&changed.removed).cloned().collect());
            }
            TicketEvent::PropertiesSet(set) => {
                for change in &set.changes {
                    self.set_back(world, change)?;
                }
            }
            TicketEvent::ContactAssociated(came) => self.contacts.push((came.contact, false)),
            TicketEvent::ContactDissociated(went) => self.contacts.push((went.contact, true)),
            TicketEvent::ConversationStarted(_) => self.ends_conversation = true,
            TicketEvent::Linked(linked) => self.links.push((linked.other, false)),
            TicketEvent::Unlinked(unlinked) => self.links.push((unlinked.other, true)),
            // It begins again by itself when the contact is back.
            TicketEvent::ConversationEnded(_) => {}
            TicketEvent::Created(_)
            | TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::MessageReceived(_)
            | TicketEvent::ReplySubmitted(_)
            | TicketEvent::CommentAdded(_)
            | TicketEvent::MessageImported(_)
            | TicketEvent::MessageRedacted(_)
            | TicketEvent::CommentRedacted(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_) => return Err(UndoRejection::NotReversible.into()),
        }
        Ok(())
    }

    fn set_back(&mut self, world: &World<'_>, change: &PropertyChange) -> Result<(), Halt> {
        let id = change.property;
        let value = match &change.from {
            None => {
                self.emptied.insert(id);
                Value::Null
            }
            Some(PropertyValue::Text(sealed) | PropertyValue::Link(sealed)) => {
                let field = format!("{}.from", property_field(id));
                opened(world, self.ticket, &field, sealed)?.into()
            }
            Some(
                PropertyValue::TextClear(text)
                | PropertyValue::LinkClear(text)
                | PropertyValue::Number(text)
                | PropertyValue::Date(text)
                | PropertyValue::SingleChoice(text),
            ) => text.clone().into(),
            Some(PropertyValue::Boolean(yes)) => (*yes).into(),
            Some(PropertyValue::MultiChoice(choices)) => choices.clone().into(),
        };
        self.update.properties.0.insert(id.to_string(), Personal(value));
        Ok(())
    }

    /// What the forward commands decide, one after the other.
    pub fn decide(mut self, world: &World<'_>, directory: &Directory) -> Result<Changes, Halt> {
        let mut all = Changes::none();
        let mut take = |changes: Changes| all.events.extend(changes.events);
        let (live, ticket_id) = (self.live, self.ticket);
        match self.status {
            Some(status_id) => {
                let properties = std::mem::take(&mut self.update.properties);
                take(ChangeStatus { ticket_id, status_id, properties }.decide(world)?);
            }
            None => self.emptied_are_not_asked_for(directory)?,
        }
        take(self.update.decide(world)?);
        if let Some(to) = self.owner {
            take(AssignTicket { ticket_id, to, note: None }.decide(world)?);
        }
        for (other_id, link) in self.links {
            take(if link {
                LinkTickets { ticket_id, other_id }.decide(world)?
            } else {
                UnlinkTickets { ticket_id, other_id }.decide(world)?
            });
        }
        for (contact, back) in self.contacts {
            if back {
                let contact = ContactChoice::Existing(contact);
                take(AddContact { ticket_id, contact }.decide(world)?);
            } else if live.contacts.contains(&contact) {
                let mut changes = Changes::none();
                changes.on(ticket_id, TicketEvent::from(ContactDissociated { contact }));
                if self.ends_conversation && live.has_conversation {
                    changes.on(ticket_id, TicketEvent::from(ConversationEnded {}));
                }
                take(changes);
            }
        }
        Ok(all)
    }

    /// The present status keeps what it asks for (T10).
    fn emptied_are_not_asked_for(&self, directory: &Directory) -> Result<(), TicketRejection> {
        let place = self.live.place;
        let status =
            directory.pipeline(place.pipeline).and_then(|known| known.status(place.status));
        let asked_for = status.map_or(&[][..], |status| &status.required_properties);
        refuse_empty(asked_for, directory, |id| self.emptied.contains(id))
    }
}

fn opened(
    world: &World<'_>,
    ticket: TicketId,
    field: &str,
    sealed: &Sealed<String>,
) -> Result<String, Halt> {
    match world.open(ticket, field, sealed)? {
        Opened::Open(text) => Ok(text),
        Opened::Forgotten => Err(UndoRejection::ValueErased.into()),
    }
}

/// Whether an event takes back another one. `own` is false for what is written at the other one of two linked tickets.
pub fn reverses(new: &TicketEvent, past: &TicketEvent, own: bool) -> bool {
    match (new, past) {
        (TicketEvent::Linked(_), TicketEvent::Unlinked(_))
        | (TicketEvent::Unlinked(_), TicketEvent::Linked(_)) => true,
        _ if !own => false,
        (TicketEvent::Renamed(_), TicketEvent::Renamed(_))
        | (TicketEvent::StatusChanged(_), TicketEvent::StatusChanged(_))
        | (TicketEvent::PriorityChanged(_), TicketEvent::PriorityChanged(_))
        | (TicketEvent::CategoryChanged(_), TicketEvent::CategoryChanged(_))
        | (TicketEvent::OwnerChanged(_), TicketEvent::OwnerChanged(_))
        | (TicketEvent::TagsChanged(_), TicketEvent::TagsChanged(_))
        | (TicketEvent::PropertiesSet(_), TicketEvent::PropertiesSet(_))
        | (TicketEvent::ConversationStarted(_), TicketEvent::ConversationEnded(_))
        | (TicketEvent::ConversationEnded(_), TicketEvent::ConversationStarted(_)) => true,
        (TicketEvent::ContactAssociated(came), TicketEvent::ContactDissociated(went)) => {
            came.contact == went.contact
        }
        (TicketEvent::ContactDissociated(went), TicketEvent::ContactAssociated(came)) => {
            came.contact == went.contact
        }
        _ => false,
    }
}
