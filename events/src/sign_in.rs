//! Signing in: one stream for each session, and one for each account and quarter of an hour in which attempts were refused. What
//! was typed is nowhere; where a session was begun from is sealed with the user's own key.

use decider::{Aspects, Sealed};
use serde::{Deserialize, Serialize};

use crate::UserId;
use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What happened when somebody signed in.
    pub enum SignInEvent of "sign_in", touches touches {
        /// A user signed in (X08).
        SignedIn(UserSignedIn) = "UserSignedIn", 1;
        /// A user signed out.
        SignedOut(UserSignedOut) = "UserSignedOut", 1;
        /// After too many failures nobody could sign in to an account for a while.
        Refused(SignInsRefused) = "SignInsRefused", 1;
    }
}

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// With address and password.
    Password,
    /// With the one-time link for the first administrator.
    SetupLink,
}

/// A user signed in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserSignedIn {
    /// Who.
    pub user: UserId,
    /// How.
    pub method: SignInMethod,
    /// The network address it was done from, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Sealed<String>>,
}

/// A user signed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserSignedOut {
    /// Who.
    pub user: UserId,
}

/// After too many failures nobody could sign in to an account for a while. At most one for an account and a quarter of an hour,
/// so that guessing passwords does not fill the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInsRefused {
    /// Whose account.
    pub user: UserId,
}

sealed_fields! {
    UserSignedIn { address => "address" }
    UserSignedOut {}
    SignInsRefused {}
}

const fn touches(_: &SignInEvent) -> Aspects {
    Aspects::All
}
