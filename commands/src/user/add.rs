//! A new user.

use access::Right;
use decider::{Changes, Command, Event, Halt, KeyScope, Personal, StreamRef, World};
use events::UserId;
use events::user::{Role, UserAdded, UserEvent};

use super::{User, UserRejection};
use crate::address::{checked, normalised};
use crate::claims::USER_EMAIL;
use crate::desk::Desk;
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Lets somebody sign in.
#[derive(Clone, Debug)]
pub struct AddUser {
    /// The user's id.
    pub user_id: UserId,
    /// The name.
    pub name: Personal<String>,
    /// The address used to sign in.
    pub email: Personal<String>,
    /// The role.
    pub role: Role,
}

impl Command for AddUser {
    fn name(&self) -> &'static str {
        "AddUser"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: UserEvent::KIND, id: self.user_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::UsersManage)?;
        let mut checks = Checks::default();
        let name = checks.take("name", text::line(&self.name.0, LABEL_CHARS_MAX));
        let email = checks.take("email", checked(&self.email.0));
        checks.finish()?;
        if world.state::<User>(self.user_id)?.live().is_some() {
            return Err(Refusal::AlreadyExists("user").into());
        }
        let key = normalised(&email);
        if world.claim(USER_EMAIL, &key)?.is_some() {
            return Err(UserRejection::AddressInUse.into());
        }
        let scope = KeyScope::person(self.user_id.0);
        let (name, email) = (Personal(name).seal(&scope), Personal(email).seal(&scope));
        let mut changes = Changes::none();
        changes
            .on(self.user_id, UserEvent::from(UserAdded { name, email, role: self.role }))
            .claim(USER_EMAIL, key, self.user_id);
        Ok(changes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id, personal, sealed};

    fn command() -> AddUser {
        AddUser {
            user_id: UserId(id(500)),
            name: personal(" Anna "),
            email: personal("Anna@Example.org"),
            role: Role::Agent,
        }
    }

    #[test]
    fn a_users_name_and_address_are_sealed_with_their_own_key() {
        let scope = KeyScope::person(id(500));
        let changes = Office::new().as_admin().when(&command()).then::<UserEvent>(
            id(500),
            [UserAdded {
                name: sealed(&scope, "Anna"),
                email: sealed(&scope, "Anna@Example.org"),
                role: Role::Agent,
            }
            .into()],
        );
        assert_eq!(changes.claims[0].key, "anna@example.org");
    }

    #[test]
    fn two_users_cannot_sign_in_with_one_address() {
        let taken = Office::new().as_admin().claim(USER_EMAIL, "anna@example.org", id(7));
        taken.when(&command()).then_rejected("address_in_use");
    }

    #[test]
    fn a_user_has_a_name_and_a_sound_address() {
        let wrong = AddUser { name: personal(""), email: personal("anna"), ..command() };
        let rejected = Office::new().as_admin().when(&wrong).then_rejected("required");
        assert_eq!(rejected.fields[1].code, "invalid_email");
    }

    #[test]
    fn a_user_is_added_once_and_not_by_agents_or_those_without_access() {
        let again = AddUser { user_id: Office::AGENT, ..command() };
        Office::new().as_admin().when(&again).then_rejected("already_exists");
        let rejected = Office::new().as_agent().when(&command()).then_rejected("forbidden");
        assert_eq!(rejected.missing_right, Some("users.manage"));
        Office::new().as_gone().when(&command()).then_rejected("no_access");
    }
}
