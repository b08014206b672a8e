//! Drafts: one stream per writing episode. Only references and keyed hashes; the words are never in the log (D03).

use decider::Aspects;
use serde::{Deserialize, Serialize};

use crate::event_list::event_list;
use crate::seal::sealed_fields;
use crate::{CommentId, MessageId, TicketId, UserId};

event_list! {
    /// What happened to a draft.
    pub enum DraftEvent of "draft", touches touches {
        /// Somebody began to write.
        Started(DraftStarted) = "DraftStarted", 1;
        /// What is written so far was noted.
        Saved(DraftSaved) = "DraftSaved", 1;
        /// It became a message or a comment.
        Sent(DraftSent) = "DraftSent", 1;
        /// It was thrown away.
        Discarded(DraftDiscarded) = "DraftDiscarded", 1;
    }
}

/// What is being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftKind {
    /// A reply to a contact.
    Reply,
    /// An internal comment.
    Comment,
}

impl DraftKind {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reply => "reply",
            Self::Comment => "comment",
        }
    }
}

/// Somebody began to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftStarted {
    /// On which ticket.
    pub ticket: TicketId,
    /// Who.
    pub user: UserId,
    /// What.
    pub kind: DraftKind,
}

/// What is written so far was noted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftSaved {
    /// A keyed hash of the content, hexadecimal.
    pub content_mac: String,
}

/// What a draft became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SentAs {
    /// A message of the conversation.
    Message(MessageId),
    /// An internal comment.
    Comment(CommentId),
}

/// The draft became a message or a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftSent {
    /// What it became.
    pub sent_as: SentAs,
}

/// The draft was thrown away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftDiscarded {}

sealed_fields! {
    DraftStarted {}
    DraftSaved {}
    DraftSent {}
    DraftDiscarded {}
}

fn touches(event: &DraftEvent) -> Aspects {
    match event {
        DraftEvent::Started(_) | DraftEvent::Sent(_) | DraftEvent::Discarded(_) => Aspects::All,
        DraftEvent::Saved(_) => Aspects::of(&["content"]),
    }
}
