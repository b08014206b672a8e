//! That a password was set. The password itself is nowhere near the log.

use decider::{Aspects, Changes, Command, Halt, World};
use events::UserId;
use events::user::{PasswordSet, UserEvent};

use super::{User, enter_own};
use crate::refusal::Refusal;

/// Records that a user's password was set.
#[derive(Clone, Copy, Debug)]
pub struct RecordPasswordSet {
    /// The user.
    pub user_id: UserId,
}

impl Command for RecordPasswordSet {
    fn name(&self) -> &'static str {
        "RecordPasswordSet"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        enter_own(world, self.user_id)?;
        if world.state::<User>(self.user_id)?.live().is_none() {
            return Err(Refusal::NotFound("user").into());
        }
        let mut changes = Changes::none();
        changes.on(self.user_id, UserEvent::from(PasswordSet {}));
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["password"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    #[test]
    fn a_password_is_recorded_by_its_user_or_an_administrator() {
        let command = RecordPasswordSet { user_id: Office::AGENT };
        for given in [Office::new().as_agent(), Office::new().as_admin(), Office::new().given()] {
            given.when(&command).then::<UserEvent>(Office::AGENT, [PasswordSet {}.into()]);
        }
        Office::new().as_light_agent().when(&command).then_rejected("forbidden");
        Office::new().as_gone().when(&command).then_rejected("no_access");
        let unknown = RecordPasswordSet { user_id: UserId(id(9)) };
        Office::new().as_admin().when(&unknown).then_rejected("not_found");
    }
}
