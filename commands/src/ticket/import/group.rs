//! One conversation while it is taken over: its ticket, its contacts, its links.

use std::collections::BTreeSet;
use std::sync::Arc;

use decider::{Changes, Halt, Timestamp};
use events::contact::ContactEvent;
use events::message::{Address, Direction, MessageAuthor, ObjectRef};
use events::pipeline::StatusCategory;
use events::ticket::{
    ContactAssociated, ConversationStarted, MessageCopyKept, MessageImported, RawMessageKept,
    TicketCreated, TicketLinked,
};
use events::value::{LinkReason, Place, TicketSource};
use events::{ContactId, MessageId, TicketEvent, TicketId, UserId};

use super::keys::Keys;
use super::{ImportMessages, ImportedMessage, ImportedStatus, UnreadableMail};
use crate::address::checked;
use crate::claims::bare_message_id;
use crate::contact::{Contact, Identity, created};
use crate::desk::{Desk, ask_all};
use crate::limits::{LABEL_CHARS_MAX, REFERENCES_MAX, SUBJECT_CHARS_MAX, TICKET_NAME_CHARS_MAX};
use crate::text;
use crate::ticket::content::{Body, ClearMessage};
use crate::ticket::create::{claim_number, starting_place};
use crate::ticket::parts::sealed;
use crate::ticket::{Ticket, TicketRejection};

const NAMELESS: &str = "(no subject)";
const UNREADABLE: &str = "(unreadable message)";

pub struct Group<'a> {
    desk: &'a Desk<'a>,
    command: &'a ImportMessages,
    keys: Keys<'a>,
    ticket: TicketId,
    state: Arc<Ticket>,
    is_created: bool,
    contacts: BTreeSet<ContactId>,
    has_primary: bool,
    has_conversation: bool,
    bridged: BTreeSet<TicketId>,
    changes: Changes,
}

impl<'a> Group<'a> {
    /// Finds the ticket the messages join: the one that is named, if it exists, else the first that knows one of their ids.
    pub fn of(
        desk: &'a Desk<'a>,
        command: &'a ImportMessages,
        keys: Keys<'a>,
    ) -> Result<Self, Halt> {
        let named = desk.world.state::<Ticket>(command.ticket_id)?;
        let mut known: Vec<TicketId> = Vec::new();
        for message in &command.messages {
            let ids = message.mail_id().into_iter().chain(message.referred());
            for ticket in ids.filter_map(|id| keys.ticket(id)) {
                if !known.contains(&ticket) {
                    known.push(ticket);
                }
            }
        }
        let ticket = match named.live() {
            Some(_) => command.ticket_id,
            None => known.first().copied().unwrap_or(command.ticket_id),
        };
        let state = desk.world.state::<Ticket>(ticket)?;
        let live = state.live();
        let bridged = known.into_iter().chain(command.links.iter().copied());
        Ok(Self {
            desk,
            command,
            keys,
            ticket,
            is_created: live.is_some(),
            contacts: live.map(|live| live.contacts.iter().copied().collect()).unwrap_or_default(),
            has_primary: live.is_some_and(|live| live.primary_contact.is_some()),
            has_conversation: live.is_some_and(|live| live.has_conversation),
            bridged: bridged.filter(|other| *other != ticket).collect(),
            state,
            changes: Changes::none(),
        })
    }

    fn emit(&mut self, at: Timestamp, event: impl Into<TicketEvent>) {
        self.changes.on_at(self.ticket, at, event.into());
    }

    /// Takes a message over, or keeps its bytes when it differs from one that is there.
    pub fn take_over(&mut self, message: &ImportedMessage) -> Result<(), Halt> {
        if self.keys.has_bytes(&message.raw_mac) {
            return Ok(());
        }
        if let Some((known, ticket)) = self.known(message) {
            self.keep_copy((known, ticket), message);
            return Ok(());
        }
        if self.state.live().is_some_and(|live| live.messages.contains(message.id)) {
            return Ok(());
        }
        let name = text::scrubbed_line(&message.subject.0, TICKET_NAME_CHARS_MAX);
        self.create_ticket(message.sent_at, name.as_deref().unwrap_or(NAMELESS))?;
        let contact = self.contact(message)?;
        if let Some(contact) = contact {
            self.associate(contact, message.sent_at);
        }
        self.start_conversation(message.sent_at);
        let author = match message.direction {
            Direction::Incoming => contact.map(MessageAuthor::Contact),
            Direction::Outgoing => {
                let sender = message.from.0.first();
                let user = sender.and_then(|sender| self.keys.user(&sender.email));
                user.map(|user| MessageAuthor::User(UserId(user)))
            }
        };
        let content = self.clear(message, author).seal(self.subjects(message));
        let imported = MessageImported { message: content, direction: message.direction };
        self.emit(message.sent_at, imported);
        self.take_keys(message);
        Ok(())
    }

    fn known(&self, message: &ImportedMessage) -> Option<(MessageId, TicketId)> {
        let id = message.mail_id()?;
        let known = self.keys.message(id)?;
        Some((known, self.keys.ticket(id).unwrap_or(self.ticket)))
    }

    fn keep_copy(&mut self, (known, ticket): (MessageId, TicketId), copy: &ImportedMessage) {
        if let Some(raw) = &copy.raw {
            let kept = MessageCopyKept { message: known, raw: raw.clone() };
            self.changes.on_at(ticket, copy.sent_at, TicketEvent::from(kept));
            self.keys.take_bytes(&copy.raw_mac, known.0, &mut self.changes);
        }
    }

    /// Keeps the bytes of a mail that cannot be read.
    pub fn keep_unreadable(&mut self, mail: &UnreadableMail) -> Result<(), Halt> {
        if self.keys.has_bytes(&mail.raw_mac) {
            return Ok(());
        }
        self.create_ticket(mail.at, UNREADABLE)?;
        let raw: ObjectRef = mail.raw.clone();
        self.emit(mail.at, RawMessageKept { raw, channel: self.command.channel_id });
        self.keys.take_bytes(&mail.raw_mac, self.ticket.0, &mut self.changes);
        Ok(())
    }

    fn create_ticket(&mut self, at: Timestamp, name: &str) -> Result<(), Halt> {
        if self.is_created {
            return Ok(());
        }
        self.is_created = true;
        let place = self.place()?;
        let number = claim_number(self.desk.world, self.ticket, &mut self.changes)?;
        let created = TicketCreated {
            number,
            name: sealed(self.ticket, name),
            pipeline: place.pipeline,
            status: place.status,
            source: TicketSource::Import,
            imported: true,
            channel: self.command.channel_id,
        };
        self.emit(at, created);
        Ok(())
    }

    /// History enters a status without being asked for properties: nobody could fill them in (H03).
    fn place(&self) -> Result<Place, TicketRejection> {
        let (place, _) = starting_place(&self.desk.directory, None, None)?;
        let category = match self.command.status {
            ImportedStatus::Open => StatusCategory::Open,
            ImportedStatus::Closed => StatusCategory::Closed,
        };
        let pipeline = self.desk.directory.pipeline(place.pipeline);
        let first = pipeline.and_then(|pipeline| pipeline.first_of(category));
        Ok(first.map_or(place, |status| Place { status: status.id, ..place }))
    }

    /// The person outside: who wrote to us, or to whom we wrote first. Created when nobody has the address.
    fn contact(&mut self, message: &ImportedMessage) -> Result<Option<ContactId>, Halt> {
        let side = match message.direction {
            Direction::Incoming => &message.from.0,
            Direction::Outgoing => &message.to.0,
        };
        let is_outside = |email: &str| self.desk.directory.channel_by_address(email).is_none();
        let outside = side.iter().filter(|one| is_outside(&one.email));
        let found = outside.filter_map(|one| Some((one, checked(&one.email).ok()?))).next();
        let Some((address, email)) = found else { return Ok(None) };
        if let Some(holder) = self.keys.contact(&email) {
            return Ok(Some(ContactId(holder)));
        }
        let id = message.new_contact_id;
        if self.desk.world.state::<Contact>(id)?.live().is_none() {
            let event = new_contact(id, address, &email);
            self.changes.on_at(id, message.sent_at, event);
            self.keys.take_contact(&address.email, id.0, &mut self.changes);
        }
        Ok(Some(id))
    }

    fn associate(&mut self, contact: ContactId, at: Timestamp) {
        if self.contacts.insert(contact) {
            let primary = !self.has_primary;
            self.has_primary = true;
            self.emit(at, ContactAssociated { contact, primary });
        }
    }

    fn start_conversation(&mut self, at: Timestamp) {
        if !self.has_conversation {
            self.has_conversation = true;
            self.emit(at, ConversationStarted {});
        }
    }

    fn subjects(&self, message: &ImportedMessage) -> Vec<uuid::Uuid> {
        let contacts = message.addresses().filter_map(|address| self.keys.contact(&address.email));
        let subjects: BTreeSet<_> = contacts.collect();
        subjects.into_iter().collect()
    }

    fn clear<'m>(
        &self,
        message: &'m ImportedMessage,
        author: Option<MessageAuthor>,
    ) -> ClearMessage<'m> {
        let bare = |id: &str| text::scrubbed(bare_message_id(id));
        let skipped = message.references.0.len().saturating_sub(REFERENCES_MAX);
        ClearMessage {
            id: message.id,
            author,
            channel: self.command.channel_id,
            from: message.from.0.clone(),
            reply_to: message.reply_to.0.clone(),
            to: message.to.0.clone(),
            cc: message.cc.0.clone(),
            bcc: message.bcc.0.clone(),
            subject: text::scrubbed_line(&message.subject.0, SUBJECT_CHARS_MAX).unwrap_or_default(),
            body: Body::scrubbed(
                &message.text.0,
                message.html.as_ref().map(|html| html.0.as_str()),
            ),
            message_id: message.mail_id().map(bare),
            in_reply_to: message.in_reply_to.as_ref().map(|id| bare(&id.0)),
            references: message.references.0.iter().skip(skipped).map(|id| bare(id)).collect(),
            attachments: &message.attachments,
            raw: message.raw.clone(),
            automatic: message.automatic,
            problems: message.problems.clone(),
        }
    }

    /// Its own id, and those it refers to, lead to this ticket from now on; so do its bytes.
    fn take_keys(&mut self, message: &ImportedMessage) {
        let (ticket, changes) = (self.ticket, &mut self.changes);
        self.keys.take_bytes(&message.raw_mac, message.id.0, changes);
        if let Some(id) = message.mail_id() {
            self.keys.take_id(id, ticket, changes);
            self.keys.take_message(id, message.id, changes);
        }
        for id in message.referred() {
            self.keys.take_id(id, ticket, changes);
        }
    }

    /// Links the tickets that the messages belong to beside their own.
    pub fn finish(mut self) -> Result<Changes, Halt> {
        if !self.is_created {
            return Ok(self.changes);
        }
        let others = std::mem::take(&mut self.bridged);
        let world = self.desk.world;
        let states = ask_all(others.iter().map(|other| world.state::<Ticket>(*other)))?;
        for (other, state) in others.into_iter().zip(states) {
            let Some(live) = state.live() else { continue };
            let reason = LinkReason::BridgedByImport;
            if self.state.live().is_none_or(|own| !own.links.contains(&other)) {
                self.changes.on(self.ticket, TicketEvent::from(TicketLinked { other, reason }));
            }
            if !live.links.contains(&self.ticket) {
                let linked = TicketLinked { other: self.ticket, reason };
                self.changes.on(other, TicketEvent::from(linked));
            }
        }
        Ok(self.changes)
    }
}

fn new_contact(id: ContactId, address: &Address, email: &str) -> ContactEvent {
    let name = address.name.as_deref().and_then(|name| text::scrubbed_line(name, LABEL_CHARS_MAX));
    created(id, Identity { name, emails: vec![email.to_owned()], phones: Vec::new() })
}
