//! Users: persons who sign in. Their names and addresses are sealed with their own key.

use decider::{Aspects, Sealed};
use serde::{Deserialize, Serialize};

use crate::TokenId;
use crate::event_list::event_list;
use crate::seal::sealed_fields;

event_list! {
    /// What happened to a user.
    pub enum UserEvent of "user", touches touches {
        /// Somebody may sign in from now on.
        Added(UserAdded) = "UserAdded", 1;
        /// The name changed.
        Renamed(UserRenamed) = "UserRenamed", 1;
        /// The role changed.
        RoleChanged(UserRoleChanged) = "UserRoleChanged", 1;
        /// Access was taken away.
        Deactivated(UserDeactivated) = "UserDeactivated", 1;
        /// Access was given back.
        Reactivated(UserReactivated) = "UserReactivated", 1;
        /// A password was set; it is not in the log.
        PasswordSet(PasswordSet) = "PasswordSet", 1;
        /// An API token was made; it is not in the log.
        TokenCreated(TokenCreated) = "TokenCreated", 1;
        /// An API token lost its force.
        TokenRevoked(TokenRevoked) = "TokenRevoked", 1;
    }
}

/// What a user may do by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    SuperAdmin,
    /// Runs the account; settings and users only where a super admin says so.
    AccountAdmin,
    /// Works on tickets.
    Agent,
    /// Reads and comments.
    LightAgent,
}

/// Somebody may sign in from now on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserAdded {
    /// The name.
    pub name: Sealed<String>,
    /// The address used to sign in.
    pub email: Sealed<String>,
    /// The role.
    pub role: Role,
}

/// A user's name changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UserRenamed {
    /// The name until now, if it could still be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Sealed<String>>,
    /// The name from now on.
    pub to: Sealed<String>,
}

/// A user's role changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRoleChanged {
    /// Until now.
    pub from: Role,
    /// From now on.
    pub to: Role,
}

/// A user's access was taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeactivated {}

/// A user's access was given back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserReactivated {}

/// A user's password was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {}

/// An API token was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCreated {
    /// The token's id, which is not the token.
    pub token: TokenId,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// An API token lost its force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRevoked {
    /// The token's id.
    pub token: TokenId,
}

sealed_fields! {
    UserAdded { name => "name", email => "email" }
    UserRenamed { from => "name.from", to => "name" }
    UserRoleChanged {}
    UserDeactivated {}
    UserReactivated {}
    PasswordSet {}
    TokenCreated {}
    TokenRevoked {}
}

fn touches(event: &UserEvent) -> Aspects {
    match event {
        UserEvent::Added(_) => Aspects::All,
        UserEvent::Renamed(_) => Aspects::of(&["name"]),
        UserEvent::RoleChanged(_) => Aspects::of(&["role"]),
        UserEvent::Deactivated(_) | UserEvent::Reactivated(_) => Aspects::of(&["active"]),
        UserEvent::PasswordSet(_) => Aspects::of(&["password"]),
        UserEvent::TokenCreated(created) => token(created.token),
        UserEvent::TokenRevoked(revoked) => token(revoked.token),
    }
}

fn token(id: TokenId) -> Aspects {
    Aspects::none().and(format!("token:{id}"))
}
