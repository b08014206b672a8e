//! What a line of the timeline keeps of its event, read back: the whole payload of small events, the beginning of large ones.

use decider::{DecodeError, Event, Sealed};
use event_store::projection::JsonText;
use events::message::MessageAuthor;
use events::ticket::RedactedPart;
use events::value::{Delivery, PropertyValue};
use events::{TicketEvent, UserId};
use projections::timeline::EntryRow;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::opening::{Slots, Visit};
use super::people::Wanted;

/// What is kept of an event.
pub enum Fact {
    /// All of it.
    Event(Box<TicketEvent>),
    /// A message's.
    Message(MessageFacts),
    /// A comment's.
    Comment(CommentFacts),
    /// Words or a file were taken out.
    Redacted(RedactedFacts),
    /// A differing copy of a message.
    CopyKept,
    /// Mail that could not be read.
    RawKept,
}

/// What is kept of a message.
#[derive(Deserialize)]
pub struct MessageFacts {
    pub id: Uuid,
    pub author: Option<MessageAuthor>,
    pub subject: Sealed<String>,
    pub preview: Sealed<String>,
    #[serde(default)]
    pub delivery: Option<Delivery>,
    #[serde(skip)]
    pub imported: bool,
}

/// What is kept of a comment.
#[derive(Deserialize)]
pub struct CommentFacts {
    pub id: Uuid,
    pub preview: Sealed<String>,
    #[serde(default)]
    pub mentions: Vec<UserId>,
}

/// What is kept of a redaction.
#[derive(Deserialize)]
pub struct RedactedFacts {
    pub id: Uuid,
    #[serde(default)]
    pub parts: Vec<RedactedPart>,
    #[serde(skip)]
    pub of_comment: bool,
}

impl Fact {
    /// Reads the facts of a line.
    ///
    /// # Errors
    /// When the event is of a type that this program does not know, or its facts do not fit.
    pub fn read(row: &EntryRow) -> Result<Self, DecodeError> {
        let kind = row.kind.as_str();
        Ok(match kind {
            "MessageReceived" | "ReplySubmitted" => Self::Message(typed(kind, &row.data)?),
            "MessageImported" => {
                let facts = typed::<MessageFacts>(kind, &row.data)?;
                Self::Message(MessageFacts { imported: true, ..facts })
            }
            "CommentAdded" => Self::Comment(typed(kind, &row.data)?),
            "MessageRedacted" => Self::Redacted(typed(kind, &row.data)?),
            "CommentRedacted" => {
                let facts = typed::<RedactedFacts>(kind, &row.data)?;
                Self::Redacted(RedactedFacts { of_comment: true, ..facts })
            }
            "MessageCopyKept" => Self::CopyKept,
            "RawMessageKept" => Self::RawKept,
            _ => {
                let version = TicketEvent::TYPES.iter().find(|known| known.name == kind);
                let version = version.map_or(0, |known| known.version);
                let payload = row.data.as_str().as_bytes();
                Self::Event(Box::new(TicketEvent::decode(kind, version, payload)?))
            }
        })
    }

    /// Notes the people it is about.
    pub fn want(&self, wanted: &mut Wanted) {
        match self {
            Self::Message(message) => match message.author {
                Some(MessageAuthor::User(user)) => wanted.user(user),
                Some(MessageAuthor::Contact(contact)) => wanted.contact(contact),
                None => {}
            },
            Self::Comment(comment) => comment.mentions.iter().for_each(|user| wanted.user(*user)),
            Self::Event(event) => want_of(event, wanted),
            Self::Redacted(_) | Self::CopyKept | Self::RawKept => {}
        }
    }

    /// Whether a value that it replaced is still sealed after all was opened: it was erased, and nothing leads back to it.
    #[must_use]
    pub fn replaced_what_was_erased(&self) -> bool {
        let Self::Event(event) = self else { return false };
        match &**event {
            TicketEvent::Renamed(renamed) => renamed.from.as_ref().is_some_and(is_erased),
            TicketEvent::PropertiesSet(set) => {
                set.changes.iter().any(|change| match &change.from {
                    Some(PropertyValue::Text(text) | PropertyValue::Link(text)) => is_erased(text),
                    _ => false,
                })
            }
            _ => false,
        }
    }
}

fn is_erased(sealed: &Sealed<String>) -> bool {
    sealed.clear().is_none()
}

fn want_of(event: &TicketEvent, wanted: &mut Wanted) {
    match event {
        TicketEvent::OwnerChanged(changed) => {
            let owners = changed.from.into_iter().chain(changed.to);
            owners.filter_map(|owner| owner.user).for_each(|user| wanted.user(user));
        }
        TicketEvent::ContactAssociated(changed) => wanted.contact(changed.contact),
        TicketEvent::ContactDissociated(changed) => wanted.contact(changed.contact),
        TicketEvent::PrimaryContactChanged(changed) => {
            let contacts = changed.from.into_iter().chain(changed.to);
            contacts.for_each(|contact| wanted.contact(contact));
        }
        _ => {}
    }
}

fn typed<T: DeserializeOwned>(kind: &str, data: &JsonText) -> Result<T, DecodeError> {
    data.read().map_err(|source| DecodeError::Payload {
        type_name: kind.to_owned(),
        schema_version: 0,
        source,
    })
}

impl Slots for Fact {
    fn visit(&mut self, visit: Visit<'_>) {
        match self {
            Self::Event(event) => event.visit_sealed(visit),
            Self::Message(message) => {
                visit("message.subject", &mut message.subject);
                visit("message.preview", &mut message.preview);
            }
            Self::Comment(comment) => visit("comment.preview", &mut comment.preview),
            Self::Redacted(_) | Self::CopyKept | Self::RawKept => {}
        }
    }
}
