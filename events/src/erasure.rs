//! Erasures: what was asked to be forgotten, and what came of it (Z06, C17). Nothing in them is personal: ids, words, counts.

use decider::Aspects;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event_list::event_list;
use crate::seal::sealed_fields;
use crate::{AttachmentId, CommentId, ContactId, MessageId, TicketId};

event_list! {
    /// What happened to an erasure. Its stream's id is the number of its certificate.
    pub enum ErasureEvent of "erasure", touches touches {
        /// Something is to be forgotten. From here on it is carried out, however often the program stops in between.
        Requested(ErasureRequested) = "ErasureRequested", 1;
        /// Keys were destroyed: what they sealed cannot be read again. Several of these may follow each other.
        KeysDestroyed(ErasureKeysDestroyed) = "ErasureKeysDestroyed", 1;
        /// Every server has dropped the keys, and the storage of what is kept in clear was written anew.
        Completed(ErasureCompleted) = "ErasureCompleted", 1;
    }
}

/// What is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureSubject {
    /// A person, with everything that concerns nobody else outside.
    Contact(ContactId),
    /// Words of a message.
    Message {
        /// Its ticket.
        ticket: TicketId,
        /// The message.
        message: MessageId,
    },
    /// Words of a comment.
    Comment {
        /// Its ticket.
        ticket: TicketId,
        /// The comment.
        comment: CommentId,
    },
    /// A file.
    File {
        /// Its ticket.
        ticket: TicketId,
        /// The file.
        attachment: AttachmentId,
    },
}

/// Why something is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureReason {
    /// The person asked for it.
    RequestOfPerson,
    /// It was kept long enough.
    Retention,
    /// There is no consent any more.
    ConsentWithdrawn,
    /// It should never have come here: a card number, somebody else's data.
    Misplaced,
    /// Another reason.
    Other,
}

/// What becomes of contents that concern another person outside, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SharedChoice {
    /// They stay, and the certificate lists them.
    Keep,
    /// They are forgotten as well.
    Erase,
}

/// Something is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureRequested {
    /// What.
    pub subject: ErasureSubject,
    /// Why.
    pub reason: ErasureReason,
    /// What becomes of contents that concern others, too.
    pub shared: SharedChoice,
    /// Of those, the ones to be forgotten although the others stay.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<Uuid>,
    /// The keys that go, where they are known at once: those of redacted words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<Uuid>,
}

/// Keys were destroyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureKeysDestroyed {
    /// Their ids; what was sealed with them names them.
    pub keys: Vec<Uuid>,
    /// How much they make unreadable, all events of this kind together; in the first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<ErasureCounts>,
}

/// What a content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContentKind {
    /// A message with its files and its original.
    Message,
    /// A comment with its files.
    Comment,
    /// Mail that was kept as it came.
    Original,
    /// Unsent words.
    Draft,
    /// Name and text properties of a ticket.
    TicketName,
    /// A content of which no more is known than that it concerns the person.
    Other,
}

/// A content that concerns somebody else, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedContent {
    /// Its ticket, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The message, comment, draft, or the ticket itself.
    pub content: Uuid,
    /// What it is.
    pub kind: ContentKind,
}

/// How much was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureCounts {
    /// Persons.
    pub persons: u64,
    /// Tickets whose name and text properties went.
    pub ticket_names: u64,
    /// Messages.
    pub messages: u64,
    /// Comments.
    pub comments: u64,
    /// Files.
    pub files: u64,
    /// Original mails.
    pub originals: u64,
    /// Drafts.
    pub drafts: u64,
    /// Other contents.
    pub others: u64,
    /// Keys.
    pub keys: u64,
}

/// It is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErasureCompleted {
    /// How much was forgotten.
    pub counts: ErasureCounts,
    /// Contents that concern others, too, and stay: the first of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<SharedContent>,
    /// How many there are of those.
    pub kept_total: u64,
    /// Sealed files that were deleted from the object store.
    pub objects: u64,
    /// Servers that confirmed to have dropped the keys.
    pub nodes: u32,
    /// Servers that did not answer; they cannot use a key they knew any more.
    pub nodes_silent: u32,
}

sealed_fields! {
    ErasureRequested {}
    ErasureKeysDestroyed {}
    ErasureCompleted {}
}

fn touches(event: &ErasureEvent) -> Aspects {
    match event {
        ErasureEvent::Requested(_) => Aspects::All,
        ErasureEvent::KeysDestroyed(_) | ErasureEvent::Completed(_) => Aspects::of(&["progress"]),
    }
}
