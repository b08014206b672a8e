//! What happened: event types, ids and value types, readable for ever. One aggregate = one file; no IO, no rules.
#![warn(missing_docs)]

mod any;
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
pub mod ticket;
pub mod user;
pub mod value;
pub mod workspace;

pub use any::AnyEvent;
pub use channel::ChannelEvent;
pub use contact::ContactEvent;
pub use draft::DraftEvent;
pub use erasure::ErasureEvent;
pub use event_list::EventType;
pub use ids::{
    AttachmentId, ChannelId, CommentId, ContactId, DraftId, ErasureId, MessageId, ParseIdError,
    PipelineId, PropertyId, StatusId, TeamId, TicketId, TokenId, UserId,
};
pub use pipeline::PipelineEvent;
pub use property::PropertyEvent;
pub use seal::{SealMismatch, check_seals, decode_stored};
pub use ticket::TicketEvent;
pub use user::UserEvent;
pub use workspace::WorkspaceEvent;
