//! Tickets: what may be asked of them.

mod add_comment;
mod add_contact;
mod assign;
mod change_status;
mod content;
mod create;
mod import;
mod link;
mod messages;
mod parts;
mod recipients;
mod redact;
mod reply;
mod state;
pub mod undo;
mod update;
mod values;

#[cfg(test)]
pub mod fixtures;
#[cfg(test)]
mod properties;

pub use add_comment::AddComment;
pub use add_contact::{AddContact, ContactChoice};
pub use assign::AssignTicket;
pub use change_status::ChangeStatus;
pub use content::NewAttachment;
pub use create::CreateTicket;
pub use import::{ImportMessages, ImportedMessage, ImportedStatus, UnreadableMail};
pub use link::{LinkTickets, UnlinkTickets};
pub use messages::{MessageLog, MessageSummary};
pub use redact::{MARK, RedactContent, Redaction, StoredContent};
pub use reply::ReplyToTicket;
pub use state::{LiveTicket, Ticket};
pub use undo::UndoChange;
pub use update::{RenameTicket, UpdateTicket};
pub use values::PropertyInputs;

use decider::{FieldError, Rejection, RejectionKind};

use crate::refusal::field_error;

/// What only tickets refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TicketRejection {
    /// A status of another pipeline (T04).
    #[error("this status is none of the pipeline")]
    StatusNotInPipeline,
    /// No such pipeline, or none is the default.
    #[error("there is no such pipeline")]
    UnknownPipeline,
    /// The pipeline takes no new tickets.
    #[error("this pipeline is archived")]
    PipelineArchived,
    /// Properties that the status asks for are empty (T10); their API names.
    #[error("the status asks for properties that are empty")]
    RequiredPropertiesMissing(Vec<String>),
    /// There is nobody to write to yet (T07).
    #[error("this ticket has no conversation: add a contact first")]
    NoConversation,
    /// The reply would go to nobody.
    #[error("the reply has no recipients")]
    NoRecipients,
    /// There is nothing to read.
    #[error("there is no text")]
    EmptyBody,
    /// The message to answer is not of this ticket (C01).
    #[error("the message to answer is not of this ticket")]
    UnknownMessage,
    /// No such channel.
    #[error("there is no such channel")]
    UnknownChannel,
    /// A ticket cannot have to do with itself.
    #[error("a ticket cannot be linked to itself")]
    LinkedToItself,
    /// Somebody else redacted the same at the same moment: what was read is old (C17).
    #[error("it was redacted meanwhile")]
    RedactedMeanwhile,
    /// What was erased cannot be redacted.
    #[error("this was erased")]
    ContentErased,
}

impl Rejection for TicketRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::StatusNotInPipeline => "status_not_in_pipeline",
            Self::UnknownPipeline => "unknown_pipeline",
            Self::PipelineArchived => "pipeline_archived",
            Self::RequiredPropertiesMissing(_) => "required_properties_missing",
            Self::NoConversation => "no_conversation",
            Self::NoRecipients => "no_recipients",
            Self::EmptyBody => "empty_body",
            Self::UnknownMessage => "unknown_message",
            Self::UnknownChannel => "unknown_channel",
            Self::LinkedToItself => "linked_to_itself",
            Self::RedactedMeanwhile => "redacted_meanwhile",
            Self::ContentErased => "content_erased",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::RedactedMeanwhile | Self::ContentErased => RejectionKind::Conflict,
            Self::StatusNotInPipeline
            | Self::UnknownPipeline
            | Self::PipelineArchived
            | Self::RequiredPropertiesMissing(_)
            | Self::NoConversation
            | Self::NoRecipients
            | Self::EmptyBody
            | Self::UnknownMessage
            | Self::UnknownChannel
            | Self::LinkedToItself => RejectionKind::Invalid,
        }
    }

    fn fields(&self) -> Vec<FieldError> {
        let field = match self {
            Self::StatusNotInPipeline => "status_id",
            Self::UnknownPipeline | Self::PipelineArchived => "pipeline_id",
            Self::RequiredPropertiesMissing(keys) => {
                let missing = keys.iter().map(|key| {
                    field_error(format!("properties.{key}"), "required", "must be filled")
                });
                return missing.collect();
            }
            Self::NoConversation | Self::RedactedMeanwhile | Self::ContentErased => {
                return Vec::new();
            }
            Self::NoRecipients => "to",
            Self::EmptyBody => "text",
            Self::UnknownMessage => "in_reply_to",
            Self::UnknownChannel => "from_channel_id",
            Self::LinkedToItself => "ticket_id",
        };
        vec![field_error(field, self.code(), self.to_string())]
    }
}
