//! Contacts: what may be asked of them.

mod create;
mod entries;
mod erase;
mod state;
mod update;

pub use create::CreateContact;
pub(crate) use create::{Identity, created};
pub use erase::EraseContact;
pub use state::{Contact, LiveContact};
pub use update::UpdateContact;

use decider::{Rejection, RejectionKind};
use events::ContactId;

/// What only contacts refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContactRejection {
    /// Never two live contacts with one address (K01). Says which contact has it, and nothing else of them.
    #[error("the contact {0} has this address")]
    AddressInUse(ContactId),
    /// Nothing more is written about somebody who was forgotten (Z06).
    #[error("this contact was erased")]
    Erased,
}

impl Rejection for ContactRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AddressInUse(_) => "address_in_use",
            Self::Erased => "contact_erased",
        }
    }

    fn kind(&self) -> RejectionKind {
        match self {
            Self::AddressInUse(_) | Self::Erased => RejectionKind::Conflict,
        }
    }
}
