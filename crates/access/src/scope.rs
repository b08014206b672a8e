//! One value per actor that answers every question about access: for commands here, for lists as a predicate.

use decider::{Actor, ActorKind};
use events::UserId;
use events::user::Role;
use events::value::Owner;

use crate::right::Right;

/// Which tickets a right reaches (X03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// No ticket.
    Nothing,
    /// Tickets owned by oneself.
    Owned,
    /// Every ticket.
    Everything,
}

/// What of a ticket decides about access to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TicketSight {
    /// Who is responsible.
    pub owner: Option<Owner>,
}

/// Whether something is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is.
    Allowed,
    /// The ticket may be seen, but this right is missing.
    Forbidden(Right),
    /// The ticket may not even be seen: it looks as if it did not exist.
    Invisible,
}

/// Who may see and do what: one value per actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    user: Option<UserId>,
    view: Reach,
    edit: Reach,
    communicate: Reach,
    manage_settings: bool,
    manage_users: bool,
    own_tokens: bool,
    read_log: bool,
    erase: bool,
    read_audit: bool,
}

impl Scope {
    /// Of the program's own parts: everything.
    pub const UNLIMITED: Self = Self {
        user: None,
        view: Reach::Everything,
        edit: Reach::Everything,
        communicate: Reach::Everything,
        manage_settings: true,
        manage_users: true,
        own_tokens: true,
        read_log: true,
        erase: true,
        read_audit: true,
    };

    /// Of somebody without any access.
    pub const NOTHING: Self = Self {
        user: None,
        view: Reach::Nothing,
        edit: Reach::Nothing,
        communicate: Reach::Nothing,
        manage_settings: false,
        manage_users: false,
        own_tokens: false,
        read_log: false,
        erase: false,
        read_audit: false,
    };

    /// Of an active user.
    #[must_use]
    pub const fn of(role: Role, user: UserId) -> Self {
        let agent = Self {
            user: Some(user),
            manage_settings: false,
            manage_users: false,
            read_log: false,
            erase: false,
            read_audit: false,
            ..Self::UNLIMITED
        };
        match role {
            Role::SuperAdmin => Self { user: Some(user), ..Self::UNLIMITED },
            Role::AccountAdmin => Self { read_audit: true, ..agent },
            Role::Agent => agent,
            Role::LightAgent => Self { edit: Reach::Nothing, communicate: Reach::Nothing, ..agent },
        }
    }

    /// Of any actor; `role` is that of an active user, none for anybody else.
    #[must_use]
    pub fn of_actor(actor: Actor, role: Option<Role>) -> Self {
        match actor.kind {
            ActorKind::User => role.map_or(Self::NOTHING, |role| Self::of(role, UserId(actor.id))),
            ActorKind::Channel | ActorKind::Policy | ActorKind::System => Self::UNLIMITED,
            ActorKind::Contact => Self::NOTHING,
        }
    }

    /// Whether a right is there at all, for at least some tickets.
    #[must_use]
    pub fn has(&self, right: Right) -> bool {
        match right {
            Right::TicketsView => self.view > Reach::Nothing,
            Right::TicketsEdit => self.edit > Reach::Nothing,
            Right::TicketsCommunicate => self.communicate > Reach::Nothing,
            Right::SettingsManage => self.manage_settings,
            Right::UsersManage => self.manage_users,
            Right::TokensOwn => self.own_tokens,
            Right::LogRead => self.read_log,
            Right::Erase => self.erase,
            Right::AuditRead => self.read_audit,
        }
    }

    /// The same where no ticket beyond this reach is seen, let alone changed.
    #[must_use]
    pub fn within(self, reach: Reach) -> Self {
        Self {
            view: self.view.min(reach),
            edit: self.edit.min(reach),
            communicate: self.communicate.min(reach),
            ..self
        }
    }

    /// Every right that is there, for `GET /me`.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(|right| self.has(*right))
    }

    /// Which tickets may be seen: what lists, counts and live messages filter by.
    #[must_use]
    pub const fn view(&self) -> Reach {
        self.view
    }

    /// Whether a ticket may be seen.
    #[must_use]
    pub fn sees(&self, ticket: &TicketSight) -> bool {
        self.reaches(self.view, ticket)
    }

    /// Whether something may be done with a ticket.
    #[must_use]
    pub fn allows(&self, right: Right, ticket: &TicketSight) -> Verdict {
        if !self.sees(ticket) {
            return Verdict::Invisible;
        }
        let allowed = match right {
            Right::TicketsView => true,
            Right::TicketsEdit => self.reaches(self.edit, ticket),
            Right::TicketsCommunicate => self.reaches(self.communicate, ticket),
            Right::SettingsManage
            | Right::UsersManage
            | Right::TokensOwn
            | Right::LogRead
            | Right::Erase
            | Right::AuditRead => self.has(right),
        };
        if allowed { Verdict::Allowed } else { Verdict::Forbidden(right) }
    }

    fn reaches(&self, reach: Reach, ticket: &TicketSight) -> bool {
        match reach {
            Reach::Nothing => false,
            Reach::Owned => {
                self.user.is_some() && ticket.owner.and_then(|owner| owner.user) == self.user
            }
            Reach::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANNA: UserId = UserId(Uuid::from_u128(1));

    fn verdict(role: Role, right: Right) -> Verdict {
        Scope::of(role, ANNA).allows(right, &TicketSight::default())
    }

    #[test]
    fn a_super_admin_may_do_everything() {
        for right in Right::ALL {
            assert_eq!(verdict(Role::SuperAdmin, right), Verdict::Allowed);
        }
    }

    #[test]
    fn an_agent_works_on_tickets_but_changes_neither_settings_nor_users() {
        for role in [Role::Agent, Role::AccountAdmin] {
            assert_eq!(verdict(role, Right::TicketsEdit), Verdict::Allowed);
            assert_eq!(verdict(role, Right::TicketsCommunicate), Verdict::Allowed);
            assert!(!Scope::of(role, ANNA).has(Right::SettingsManage));
            assert!(!Scope::of(role, ANNA).has(Right::UsersManage));
        }
    }

    #[test]
    fn administrators_read_the_audit_log_and_nobody_else_x04() {
        for (role, may) in [
            (Role::SuperAdmin, true),
            (Role::AccountAdmin, true),
            (Role::Agent, false),
            (Role::LightAgent, false),
        ] {
            assert_eq!(Scope::of(role, ANNA).has(Right::AuditRead), may, "{role:?}");
        }
    }

    #[test]
    fn a_light_agent_sees_but_neither_edits_nor_writes_to_contacts() {
        assert_eq!(verdict(Role::LightAgent, Right::TicketsView), Verdict::Allowed);
        for right in [Right::TicketsEdit, Right::TicketsCommunicate] {
            assert_eq!(verdict(Role::LightAgent, right), Verdict::Forbidden(right));
        }
    }

    #[test]
    fn what_may_not_be_seen_looks_as_if_it_did_not_exist() {
        let scope = Scope::of(Role::Agent, ANNA).within(Reach::Owned);
        let mine = TicketSight { owner: Some(Owner::user(ANNA)) };
        assert_eq!(scope.allows(Right::TicketsEdit, &mine), Verdict::Allowed);
        let unassigned = TicketSight::default();
        assert_eq!(scope.allows(Right::TicketsEdit, &unassigned), Verdict::Invisible);
    }

    #[test]
    fn only_active_users_and_the_programs_own_parts_have_access() {
        let user = Actor::user(ANNA.0);
        assert!(Scope::of_actor(user, Some(Role::Agent)).has(Right::TicketsEdit));
        assert_eq!(Scope::of_actor(user, None), Scope::NOTHING);
        for kind in [ActorKind::Channel, ActorKind::Policy, ActorKind::System] {
            assert_eq!(Scope::of_actor(Actor { kind, id: ANNA.0 }, None), Scope::UNLIMITED);
        }
        let contact = Actor { kind: ActorKind::Contact, id: ANNA.0 };
        assert_eq!(Scope::of_actor(contact, None), Scope::NOTHING);
    }
}
