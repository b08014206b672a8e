//! What rules ask about a user.

use std::collections::BTreeSet;

use decider::{EventMeta, Sealed, State};
use events::TokenId;
use events::user::{Role, UserAdded, UserEvent};

/// A user.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum User {
    /// There is none.
    #[default]
    Unknown,
    /// There is one, active or not.
    Live(Box<LiveUser>),
}

/// A user that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveUser {
    /// The name, sealed as `name`.
    pub name: Sealed<String>,
    /// The address used to sign in, sealed as `email`.
    pub email: Sealed<String>,
    /// The role.
    pub role: Role,
    /// Whether they have access.
    pub active: bool,
    /// Tokens that were not revoked.
    pub tokens: BTreeSet<TokenId>,
    /// Tokens that were.
    pub revoked: BTreeSet<TokenId>,
}

impl User {
    /// The user, if there is one.
    #[must_use]
    pub const fn live(&self) -> Option<&LiveUser> {
        match self {
            Self::Unknown => None,
            Self::Live(user) => Some(user),
        }
    }
}

impl LiveUser {
    fn new(added: &UserAdded) -> Self {
        Self {
            name: added.name.clone(),
            email: added.email.clone(),
            role: added.role,
            active: true,
            tokens: BTreeSet::new(),
            revoked: BTreeSet::new(),
        }
    }

    fn take_in(&mut self, event: &UserEvent) {
        match event {
            UserEvent::Added(_) | UserEvent::PasswordSet(_) => {}
            UserEvent::Renamed(renamed) => self.name = renamed.to.clone(),
            UserEvent::RoleChanged(changed) => self.role = changed.to,
            UserEvent::Deactivated(_) => self.active = false,
            UserEvent::Reactivated(_) => self.active = true,
            UserEvent::TokenCreated(created) => {
                self.tokens.insert(created.token);
            }
            UserEvent::TokenRevoked(revoked) => {
                self.tokens.remove(&revoked.token);
                self.revoked.insert(revoked.token);
            }
        }
    }
}

impl State for User {
    type Event = UserEvent;
    const DIRECTORY: bool = true;

    fn evolve(&mut self, event: &UserEvent, _: &EventMeta) {
        match self {
            Self::Live(user) => user.take_in(event),
            Self::Unknown => {
                if let UserEvent::Added(added) = event {
                    *self = Self::Live(Box::new(LiveUser::new(added)));
                }
            }
        }
    }

    fn size_bytes(&self) -> usize {
        self.live().map_or(0, |user| 500 + (user.tokens.len() + user.revoked.len()) * 32)
    }
}
