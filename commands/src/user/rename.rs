//! Another name for a user.

use decider::{Aspects, Changes, Command, Halt, KeyScope, Personal, World};
use events::UserId;
use events::user::{UserEvent, UserRenamed};

use super::{User, enter_own};
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Gives a user another name.
#[derive(Clone, Debug)]
pub struct RenameUser {
    /// The user.
    pub user_id: UserId,
    /// The name from now on.
    pub name: Personal<String>,
}

impl Command for RenameUser {
    fn name(&self) -> &'static str {
        "RenameUser"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        enter_own(world, self.user_id)?;
        let user = world.state::<User>(self.user_id)?;
        let user = user.live().ok_or(Refusal::NotFound("user"))?;
        let mut checks = Checks::default();
        let to = checks.take("name", text::line(&self.name.0, LABEL_CHARS_MAX));
        checks.finish()?;
        let from = world.open(self.user_id, "name", &user.name)?.into_option();
        let mut changes = Changes::none();
        if from.as_ref() != Some(&to) {
            let scope = KeyScope::person(self.user_id.0);
            let from = from.map(|from| Personal(from).seal(&scope));
            let renamed = UserRenamed { from, to: Personal(to).seal(&scope) };
            changes.on(self.user_id, UserEvent::from(renamed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["name"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id, personal, sealed};

    fn rename(user_id: UserId, name: &str) -> RenameUser {
        RenameUser { user_id, name: personal(name) }
    }

    #[test]
    fn users_rename_themselves_and_administrators_anybody() {
        let scope = KeyScope::person(Office::AGENT.0);
        let expected = UserEvent::from(UserRenamed {
            from: Some(sealed(&scope, "A user")),
            to: sealed(&scope, "Anna"),
        });
        for given in [Office::new().as_agent(), Office::new().as_admin()] {
            given.when(&rename(Office::AGENT, "Anna")).then(Office::AGENT, [expected.clone()]);
        }
        Office::new().as_agent().when(&rename(Office::ADMIN, "Anna")).then_rejected("forbidden");
    }

    #[test]
    fn the_present_name_is_no_change() {
        Office::new().as_agent().when(&rename(Office::AGENT, " A user ")).then_nothing();
    }

    #[test]
    fn a_known_user_gets_a_real_name() {
        Office::new().as_admin().when(&rename(UserId(id(9)), "Anna")).then_rejected("not_found");
        Office::new().as_admin().when(&rename(Office::AGENT, "")).then_rejected("required");
    }
}
