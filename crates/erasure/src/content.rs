//! What a ticket holds: its contents with their keys and objects, folded from its events. Nothing is opened.

use std::collections::{BTreeMap, BTreeSet};

use decider::Event;
use events::erasure::ContentKind;
use events::message::{Attachment, MessageContent, ObjectRef};
use events::ticket::CommentAdded;
use events::{TicketEvent, TicketId};
use uuid::Uuid;

/// One content with everything that opens it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// What it is.
    pub kind: ContentKind,
    /// The keys of its words, files and originals.
    pub keys: BTreeSet<Uuid>,
    /// The persons its keys say it is about; empty when they do not say.
    pub subjects: BTreeSet<Uuid>,
    /// Its sealed bytes: files and originals.
    pub objects: Vec<ObjectRef>,
    /// Its files.
    pub files: Vec<Uuid>,
    /// How many originals it has.
    pub originals: u64,
}

impl Content {
    /// Nothing yet.
    pub fn new(kind: ContentKind) -> Self {
        Self {
            kind,
            keys: BTreeSet::new(),
            subjects: BTreeSet::new(),
            objects: Vec::new(),
            files: Vec::new(),
            originals: 0,
        }
    }
}

/// What a ticket holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketContents {
    /// The ticket.
    pub ticket: TicketId,
    /// Everybody who ever took part.
    pub contacts: BTreeSet<Uuid>,
    /// The keys of its name, its text properties and notes.
    pub name_keys: BTreeSet<Uuid>,
    /// Messages, comments and kept originals, by id.
    pub contents: BTreeMap<Uuid, Content>,
}

impl TicketContents {
    /// Of a ticket without events.
    pub fn new(ticket: TicketId) -> Self {
        Self {
            ticket,
            contacts: BTreeSet::new(),
            name_keys: BTreeSet::new(),
            contents: BTreeMap::new(),
        }
    }

    /// Takes one event in.
    pub fn take_in(&mut self, mut event: TicketEvent) {
        let keys = keys_of(&mut event);
        match &event {
            TicketEvent::MessageReceived(received) => self.message(&received.message, keys),
            TicketEvent::ReplySubmitted(reply) => self.message(&reply.message, keys),
            TicketEvent::MessageImported(imported) => self.message(&imported.message, keys),
            TicketEvent::MessageRedacted(redacted) => self.message(&redacted.message, keys),
            TicketEvent::CommentAdded(comment) => self.comment(comment, keys),
            TicketEvent::CommentRedacted(redacted) => self.comment(&redacted.comment, keys),
            TicketEvent::MessageCopyKept(kept) => {
                original(self.content(kept.message.0, ContentKind::Message), &kept.raw);
            }
            TicketEvent::RawMessageKept(kept) => {
                original(self.content(kept.raw.key, ContentKind::Original), &kept.raw);
            }
            TicketEvent::ContactAssociated(associated) => {
                self.contacts.insert(associated.contact.0);
            }
            // Whatever else is sealed on a ticket is sealed with its own key.
            _ => self.name_keys.extend(keys),
        }
    }

    fn message(&mut self, message: &MessageContent, keys: BTreeSet<Uuid>) {
        let content = self.content(message.id.0, ContentKind::Message);
        content.keys.extend(keys);
        files(content, &message.attachments);
        if let Some(raw) = &message.raw {
            original(content, raw);
        }
    }

    fn comment(&mut self, comment: &CommentAdded, keys: BTreeSet<Uuid>) {
        let content = self.content(comment.comment.0, ContentKind::Comment);
        content.keys.extend(keys);
        files(content, &comment.attachments);
    }

    fn content(&mut self, id: Uuid, kind: ContentKind) -> &mut Content {
        self.contents.entry(id).or_insert_with(|| Content::new(kind))
    }
}

/// The keys of everything sealed in an event.
pub fn keys_of(event: &mut impl Event) -> BTreeSet<Uuid> {
    let mut keys = BTreeSet::new();
    event.visit_sealed(&mut |_, slot| keys.extend(slot.cipher().map(|cipher| cipher.key)));
    keys
}

fn files(content: &mut Content, attachments: &[Attachment]) {
    for file in attachments {
        if !content.files.contains(&file.id.0) {
            content.keys.insert(file.object.key);
            content.objects.push(file.object.clone());
            content.files.push(file.id.0);
        }
    }
}

fn original(content: &mut Content, raw: &ObjectRef) {
    if !content.objects.contains(raw) {
        content.keys.insert(raw.key);
        content.objects.push(raw.clone());
        content.originals += 1;
    }
}
