//! What happened: event types, ids and value types, readable for ever. One aggregate = one file; no IO, no rules.
#![warn(missing_docs)]

mod any;
pub mod audit;
pub mod channel;
pub mod contact;
pub mod draft;
pub mod erasure;
mod event_list;
#[cfg(test)]
mod example;
mod ids;
pub mod message;
pub mod pipeline;
pub mod property;
mod redaction;
mod seal;
pub mod sign_in;
pub mod ticket;
pub mod user;
pub mod value;
pub mod workspace;

pub use any::AnyEvent;
pub use audit::AuditEvent;
pub use channel::ChannelEvent;
pub use contact::ContactEvent;
pub use draft::DraftEvent;
pub use erasure::ErasureEvent;
pub use event_list::EventType;
pub use ids::{
    AttachmentId, AuditId, ChannelId, CommentId, ContactId, DraftId, ErasureId, MessageId,
    ParseIdError, PipelineId, PropertyId, SignInId, StatusId, TeamId, TicketId, TokenId, UserId,
};
pub use pipeline::PipelineEvent;
pub use property::PropertyEvent;
pub use seal::{SealMismatch, check_seals, decode_stored};
pub use sign_in::SignInEvent;
pub use ticket::TicketEvent;
pub use user::UserEvent;
pub use workspace::WorkspaceEvent;
