//! Channels: what may be asked of them.

mod create;
mod remove;
mod state;
mod update;

pub use create::CreateChannel;
pub use remove::RemoveChannel;
pub use state::{Channel, LiveChannel};
pub use update::UpdateChannel;

use decider::{Rejection, RejectionKind};

/// What only channels refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelRejection {
    /// Two channels cannot have one address.
    #[error("another channel has this address")]
    AddressInUse,
}

impl Rejection for ChannelRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AddressInUse => "address_in_use",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::AddressInUse => RejectionKind::Conflict,
        }
    }
}
