//! What an event is about, and who may be told of it: one answer for live messages and for the event feed.

use access::{Reach, Right, Scope};
use decider::{ActorKind, Event};
use event_store::log::Outline;
use events::{
    AnyEvent, AuditEvent, DraftEvent, ErasureEvent, SignInEvent, TicketEvent, TicketId, UserEvent,
    UserId,
};
use uuid::Uuid;

use super::sight::Sight;

const TICKET: &str = TicketEvent::KIND;
const DRAFT: &str = DraftEvent::KIND;
const USER: &str = UserEvent::KIND;
const ERASURE: &str = ErasureEvent::KIND;
const SIGN_IN: &str = SignInEvent::KIND;
const AUDIT: &str = AuditEvent::KIND;

/// What everybody may know of a colleague. Every other event of a user is between them and those who manage users.
const KNOWN_OF_USERS: [&str; 5] =
    ["UserAdded", "UserRenamed", "UserRoleChanged", "UserDeactivated", "UserReactivated"];
/// What may end what a user was allowed until now.
const ENDS_RIGHTS: [&str; 5] =
    ["UserRoleChanged", "UserDeactivated", "UserReactivated", "PasswordSet", "TokenRevoked"];

/// Who looks.
#[derive(Clone, Copy, Debug)]
pub struct Viewer {
    /// The user.
    pub user: UserId,
    /// What they may see.
    pub scope: Scope,
}

impl Viewer {
    /// Whether it has to be known of each ticket who may see it.
    pub fn is_limited(&self) -> bool {
        self.scope.view() != Reach::Everything
    }
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A ticket: for those who see it.
    Ticket(TicketId),
    /// A draft: for the one who writes it, if that is known.
    Draft(Option<UserId>),
    /// How a user signs in.
    Access(UserId),
    /// An erasure: for those who may erase, since it names tickets that others may not see.
    Erasure(Uuid),
    /// What only the audit log shows: sign-ins, files that left.
    Audit {
        /// The stream's kind.
        kind: &'static str,
        /// The stream's id.
        id: Uuid,
    },
    /// What everybody may read: contacts, users, settings.
    Common {
        /// The stream's kind.
        kind: &'static str,
        /// The stream's id.
        id: Uuid,
    },
    /// Something this program does not know.
    Unknown,
}

impl Subject {
    /// What an event is about.
    pub fn of(event: &Outline) -> Self {
        match event.kind.as_str() {
            TICKET => Self::Ticket(TicketId(event.stream)),
            DRAFT => {
                let is_user = event.actor.kind == ActorKind::User;
                Self::Draft(is_user.then_some(UserId(event.actor.id)))
            }
            ERASURE => Self::Erasure(event.stream),
            USER if !KNOWN_OF_USERS.contains(&event.type_name.as_str()) => {
                Self::Access(UserId(event.stream))
            }
            SIGN_IN => Self::Audit { kind: SIGN_IN, id: event.stream },
            AUDIT => Self::Audit { kind: AUDIT, id: event.stream },
            kind => match AnyEvent::KINDS.iter().find(|(known, _)| *known == kind) {
                Some((kind, _)) => Self::Common { kind, id: event.stream },
                None => Self::Unknown,
            },
        }
    }

    /// Whether somebody may be told. `sight` is who sees the ticket: of tickets, and for those with limits.
    pub fn is_open_to(&self, viewer: &Viewer, sight: Option<&Sight>) -> bool {
        let scope = &viewer.scope;
        match (self, scope.view()) {
            (Self::Unknown, _) | (_, Reach::Nothing) => false,
            (Self::Ticket(_), Reach::Everything) => true,
            (Self::Ticket(_), Reach::Owned) => sight.is_some_and(|sight| sight.is_within(scope)),
            (Self::Draft(owner), _) => *owner == Some(viewer.user),
            (Self::Access(user), _) => *user == viewer.user || scope.has(Right::UsersManage),
            (Self::Erasure(_), _) => scope.has(Right::Erase),
            (Self::Audit { .. }, _) => scope.has(Right::AuditRead),
            (Self::Common { .. }, _) => true,
        }
    }
}

/// The user whose rights an event may change.
pub fn whose_rights(event: &Outline) -> Option<UserId> {
    let ends = event.kind == USER && ENDS_RIGHTS.contains(&event.type_name.as_str());
    ends.then_some(UserId(event.stream))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_events_of_users_that_are_named_here_exist() {
        for name in KNOWN_OF_USERS.iter().chain(&ENDS_RIGHTS) {
            assert!(UserEvent::TYPES.iter().any(|known| known.name == *name), "{name}");
        }
    }
}
