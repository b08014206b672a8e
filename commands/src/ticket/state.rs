//! What rules ask about a ticket.

use std::collections::{BTreeMap, BTreeSet};

use decider::{EventMeta, Sealed, State, Version};
use events::message::Direction;
use events::ticket::{PropertiesSet, TicketCreated};
use events::value::{Owner, Place, Priority, PropertyValue};
use events::{ContactId, PropertyId, TicketEvent, TicketId};
use uuid::Uuid;

use super::messages::MessageLog;

/// A ticket.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Ticket {
    /// There is none.
    #[default]
    Unknown,
    /// There is one.
    Live(Box<LiveTicket>),
}

/// A ticket that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveTicket {
    /// How many events it has.
    pub version: Version,
    /// Its number.
    pub number: u64,
    /// Its name, sealed as `name`.
    pub name: Sealed<String>,
    /// Pipeline and status.
    pub place: Place,
    /// How urgent it is.
    pub priority: Priority,
    /// Its category.
    pub category: Option<String>,
    /// Who is responsible.
    pub owner: Option<Owner>,
    /// Its tags.
    pub tags: BTreeSet<String>,
    /// Values of custom properties; the sealed ones as `property.<id>`.
    pub properties: BTreeMap<PropertyId, PropertyValue>,
    /// Contacts that take part, in the order they came.
    pub contacts: Vec<ContactId>,
    /// The first to be written to.
    pub primary_contact: Option<ContactId>,
    /// Whether one can write to the contact (T07).
    pub has_conversation: bool,
    /// Its messages.
    pub messages: MessageLog,
    /// Tickets that have to do with it.
    pub links: BTreeSet<TicketId>,
    /// Messages and comments that were redacted, each with the key it is sealed with since.
    pub redactions: BTreeMap<Uuid, Option<Uuid>>,
}

impl Ticket {
    /// The ticket, if there is one.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveTicket> {
        match self {
            Self::Unknown => None,
            Self::Live(ticket) => Some(ticket),
        }
    }
}

impl LiveTicket {
    fn new(created: &TicketCreated) -> Self {
        Self {
            version: 1,
            number: created.number,
            name: created.name.clone(),
            place: Place { pipeline: created.pipeline, status: created.status },
            priority: Priority::None,
            category: None,
            owner: None,
            tags: BTreeSet::new(),
            properties: BTreeMap::new(),
            contacts: Vec::new(),
            primary_contact: None,
            has_conversation: false,
            messages: MessageLog::default(),
            links: BTreeSet::new(),
            redactions: BTreeMap::new(),
        }
    }

    fn take_in(&mut self, event: &TicketEvent, meta: &EventMeta) {
        self.version += 1;
        let at = meta.occurred_at;
        match event {
            TicketEvent::Created(_)
            | TicketEvent::CommentAdded(_)
            | TicketEvent::MessageCopyKept(_)
            | TicketEvent::RawMessageKept(_) => {}
            TicketEvent::Renamed(renamed) => self.name = renamed.to.clone(),
            TicketEvent::StatusChanged(changed) => self.place = changed.to,
            TicketEvent::PriorityChanged(changed) => self.priority = changed.to,
            TicketEvent::CategoryChanged(changed) => self.category.clone_from(&changed.to),
            TicketEvent::OwnerChanged(changed) => self.owner = changed.to,
            TicketEvent::TagsChanged(changed) => {
                self.tags.extend(changed.added.iter().cloned());
                self.tags.retain(|tag| !changed.removed.contains(tag));
            }
            TicketEvent::PropertiesSet(set) => self.set_properties(set),
            TicketEvent::ContactAssociated(associated) => {
                if !self.contacts.contains(&associated.contact) {
                    self.contacts.push(associated.contact);
                }
                if associated.primary {
                    self.primary_contact = Some(associated.contact);
                }
            }
            TicketEvent::ContactDissociated(dissociated) => {
                self.contacts.retain(|contact| *contact != dissociated.contact);
                self.primary_contact =
                    self.primary_contact.filter(|contact| *contact != dissociated.contact);
            }
            TicketEvent::PrimaryContactChanged(changed) => self.primary_contact = changed.to,
            TicketEvent::ConversationStarted(_) => self.has_conversation = true,
            TicketEvent::ConversationEnded(_) => self.has_conversation = false,
            TicketEvent::MessageReceived(received) => {
                self.messages.push(&received.message, Direction::Incoming, at);
            }
            TicketEvent::ReplySubmitted(reply) => {
                self.messages.push(&reply.message, Direction::Outgoing, at);
            }
            TicketEvent::MessageImported(imported) => {
                self.messages.push(&imported.message, imported.direction, at);
            }
            TicketEvent::MessageRedacted(redacted) => {
                self.messages.replace(&redacted.message);
                self.redact(redacted.message.id.0, &redacted.message.text);
            }
            TicketEvent::CommentRedacted(redacted) => {
                self.redact(redacted.comment.comment.0, &redacted.comment.text);
            }
            TicketEvent::Linked(linked) => {
                self.links.insert(linked.other);
            }
            TicketEvent::Unlinked(unlinked) => {
                self.links.remove(&unlinked.other);
            }
        }
    }

    fn redact(&mut self, content: Uuid, text: &Sealed<String>) {
        self.redactions.insert(content, text.cipher().map(|cipher| cipher.key));
    }

    fn set_properties(&mut self, set: &PropertiesSet) {
        for change in &set.changes {
            match &change.to {
                Some(value) => self.properties.insert(change.property, value.clone()),
                None => self.properties.remove(&change.property),
            };
        }
    }
}

impl State for Ticket {
    type Event = TicketEvent;

    fn evolve(&mut self, event: &TicketEvent, meta: &EventMeta) {
        match self {
            Self::Live(ticket) => ticket.take_in(event, meta),
            Self::Unknown => {
                if let TicketEvent::Created(created) = event {
                    *self = Self::Live(Box::new(LiveTicket::new(created)));
                }
            }
        }
    }

    fn size_bytes(&self) -> usize {
        self.live().map_or(0, |ticket| {
            1024 + ticket.properties.len() * 256
                + ticket.tags.len() * 80
                + (ticket.contacts.len() + ticket.links.len() + ticket.redactions.len()) * 40
                + ticket.messages.size_bytes()
        })
    }
}
