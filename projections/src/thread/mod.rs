//! The thread of a ticket: messages and comments as they are shown, their words still sealed.

mod fold;
mod queries;

pub use fold::{Thread, ThreadRows};
pub use queries::{copies, find, page};

use decider::Sealed;
use event_store::projection::Json;
use event_store::row;
use events::message::{Attachment, MessageContent, ObjectRef};
use events::ticket::RedactedPart;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What was said. Everything personal is sealed in the ticket's stream, under the names of the event (`message.text`,
/// `comment.text`, `attachment.<id>.name` …).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemContent {
    /// A message.
    Message(Box<MessageContent>),
    /// An internal comment.
    Comment(Box<CommentContent>),
}

/// What was taken out of an item for ever, and who did it last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redacted {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// By whom, as an actor's text.
    pub by: String,
    /// What.
    pub parts: Vec<RedactedPart>,
}

/// The words of a comment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommentContent {
    /// The text.
    pub text: Sealed<String>,
    /// The HTML form, already cleaned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Sealed<String>>,
    /// The beginning of the text.
    pub preview: Sealed<String>,
    /// Users called by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Uuid>,
    /// Files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

row! {
    /// One message or comment. Times are microseconds since 1970.
    pub struct ItemRow in "thread_item" {
        key { ticket: Uuid, item: Uuid }
        /// `message` or `comment`.
        kind: String,
        /// `incoming` or `outgoing`; none for a comment.
        direction: Option<String>,
        channel: Option<Uuid>,
        /// Who wrote it, as an actor's text: `user:…`, `contact:…`.
        author: Option<String>,
        occurred_at: i64,
        position: i64,
        content: Json<ItemContent>,
        /// The message it answers, where we know it.
        answers: Option<Uuid>,
        /// `held` or `queued`; none for what was not sent from here.
        delivery: Option<String>,
        delivery_reason: Option<String>,
        deliver_after: Option<i64>,
        /// Why it counts as written by a machine.
        automatic: Option<String>,
        imported: bool,
        /// The original bytes as received.
        raw: Option<Json<ObjectRef>>,
        /// What was taken out of it, once something was.
        redacted: Option<Json<Redacted>>,
    }
}

row! {
    /// Original bytes beside the messages: a differing copy of one, or mail that could not be read.
    pub struct CopyRow in "thread_copy" {
        key { ticket: Uuid, position: i64 }
        /// The message it is a copy of; none for mail that could not be read.
        message: Option<Uuid>,
        channel: Option<Uuid>,
        occurred_at: i64,
        raw: Json<ObjectRef>,
    }
}
