//! Users: what may be asked of them.

mod access;
mod add;
mod password;
mod rename;
mod state;
mod token;

pub use self::access::{ChangeRole, DeactivateUser, ReactivateUser};
pub use add::AddUser;
pub use password::RecordPasswordSet;
pub use rename::RenameUser;
pub use state::{LiveUser, User};
pub use token::{CreateToken, RevokeToken};

use ::access::Right;
use decider::{Halt, Rejection, RejectionKind, World};
use events::UserId;

use crate::desk::Desk;

/// What only users refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserRejection {
    /// Two users cannot sign in with one address.
    #[error("another user has this address")]
    AddressInUse,
    /// Somebody has to be able to do everything.
    #[error("this is the last super admin")]
    LastSuperAdmin,
}

impl Rejection for UserRejection {
    fn code(&self) -> &'static str {
        match self {
            Self::AddressInUse => "address_in_use",
            Self::LastSuperAdmin => "last_super_admin",
        }
    }

    fn kind(&self) -> RejectionKind {
        RejectionKind::Conflict
    }
}

/// Lets in who manages users, and everybody to what is their own.
fn enter_own<'w>(world: &'w World<'w>, user: UserId) -> Result<Desk<'w>, Halt> {
    let desk = Desk::enter(world, Right::UsersManage)?;
    if desk.user() == Some(user) {
        desk.require(Right::TokensOwn)?;
    } else {
        desk.require(Right::UsersManage)?;
    }
    Ok(desk)
}
