//! Words and files taken out of messages and comments for ever (C17): events of tickets.

use serde::{Deserialize, Serialize};

use crate::message::MessageContent;
use crate::seal::{SealedFields, Visit};
use crate::ticket::CommentAdded;
use crate::{AttachmentId, ErasureId};

/// What was taken out of a message or comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactedPart {
    /// Words of the text.
    Text,
    /// Words of the subject.
    Subject,
    /// A file.
    File(AttachmentId),
}

/// Words or a file were taken out of a message: what is left of it, sealed anew. The key it was sealed with before is destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageRedacted {
    /// The message from now on.
    pub message: MessageContent,
    /// What was taken out.
    pub parts: Vec<RedactedPart>,
    /// The erasure that destroys it.
    pub erasure: ErasureId,
}

/// Words or a file were taken out of a comment: what is left of it, sealed anew. The key it was sealed with before is destroyed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommentRedacted {
    /// The comment from now on.
    pub comment: CommentAdded,
    /// What was taken out.
    pub parts: Vec<RedactedPart>,
    /// The erasure that destroys it.
    pub erasure: ErasureId,
}

impl SealedFields for MessageRedacted {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.message.visit_sealed(visit);
    }
}

impl SealedFields for CommentRedacted {
    fn visit_sealed(&mut self, visit: Visit<'_>) {
        self.comment.visit_sealed(visit);
    }
}
