//! What may be asked, and the rules. Pure: ids, time and directory come in as data.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod address;
pub mod audit;
pub mod channel;
pub mod claims;
pub mod contact;
mod desk;
mod directory;
pub mod draft;
pub mod erasure;
pub mod limits;
pub mod pipeline;
pub mod property;
mod refusal;
pub mod sign_in;
mod text;
pub mod ticket;
pub mod user;
pub mod workspace;

#[cfg(test)]
mod fixtures;

use decider::{DirectoryType, StreamType};

pub use directory::{Directory, Settings};
pub use refusal::Refusal;

/// Every kind of stream a command may write to.
#[must_use]
pub fn stream_types() -> Vec<StreamType> {
    vec![
        StreamType::of::<workspace::Workspace>(),
        StreamType::of::<user::User>(),
        StreamType::of::<pipeline::Pipeline>(),
        StreamType::of::<property::Property>(),
        StreamType::of::<channel::Channel>(),
        StreamType::of::<contact::Contact>(),
        StreamType::of::<ticket::Ticket>(),
        StreamType::of::<draft::Draft>(),
        StreamType::of::<erasure::Erasure>(),
        StreamType::of::<sign_in::SignIn>(),
        StreamType::of::<audit::RecordedAct>(),
    ]
}

/// What every command may read.
#[must_use]
pub fn directory_type() -> DirectoryType {
    DirectoryType::of::<Directory>()
}
