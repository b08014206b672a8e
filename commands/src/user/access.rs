//! What a user may do: role, and access at all. There is always an active super admin.

use std::sync::Arc;

use ::access::Right;
use decider::{Aspects, Changes, Command, Halt, World};
use events::UserId;
use events::user::{Role, UserDeactivated, UserEvent, UserReactivated, UserRoleChanged};

use super::{LiveUser, User, UserRejection};
use crate::desk::Desk;
use crate::refusal::Refusal;

/// Gives a user another role.
#[derive(Clone, Copy, Debug)]
pub struct ChangeRole {
    /// The user.
    pub user_id: UserId,
    /// The role from now on.
    pub role: Role,
}

impl Command for ChangeRole {
    fn name(&self) -> &'static str {
        "ChangeRole"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::UsersManage)?;
        let user = world.state::<User>(self.user_id)?;
        let user = known(&user)?;
        let mut changes = Changes::none();
        if user.role != self.role {
            refuse_the_last(&desk, user)?;
            let changed = UserRoleChanged { from: user.role, to: self.role };
            changes.on(self.user_id, UserEvent::from(changed));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["role", "active"])
    }
}

/// Takes a user's access away.
#[derive(Clone, Copy, Debug)]
pub struct DeactivateUser {
    /// The user.
    pub user_id: UserId,
}

impl Command for DeactivateUser {
    fn name(&self) -> &'static str {
        "DeactivateUser"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let desk = Desk::enter_with(world, Right::UsersManage)?;
        let user = world.state::<User>(self.user_id)?;
        let user = known(&user)?;
        let mut changes = Changes::none();
        if user.active {
            refuse_the_last(&desk, user)?;
            changes.on(self.user_id, UserEvent::from(UserDeactivated {}));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["role", "active"])
    }
}

/// Gives a user access again.
#[derive(Clone, Copy, Debug)]
pub struct ReactivateUser {
    /// The user.
    pub user_id: UserId,
}

impl Command for ReactivateUser {
    fn name(&self) -> &'static str {
        "ReactivateUser"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        Desk::enter_with(world, Right::UsersManage)?;
        let user = world.state::<User>(self.user_id)?;
        let mut changes = Changes::none();
        if !known(&user)?.active {
            changes.on(self.user_id, UserEvent::from(UserReactivated {}));
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::of(&["active"])
    }
}

fn known(user: &Arc<User>) -> Result<&LiveUser, Refusal> {
    user.live().ok_or(Refusal::NotFound("user"))
}

fn refuse_the_last(desk: &Desk<'_>, user: &LiveUser) -> Result<(), UserRejection> {
    let is_super_admin = user.active && user.role == Role::SuperAdmin;
    if is_super_admin && desk.directory.active_count(Role::SuperAdmin) <= 1 {
        return Err(UserRejection::LastSuperAdmin);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    fn role(user_id: UserId, role: Role) -> ChangeRole {
        ChangeRole { user_id, role }
    }

    fn two_super_admins() -> Office {
        let promoted = UserRoleChanged { from: Role::Agent, to: Role::SuperAdmin };
        Office::new().with(Office::AGENT, UserEvent::from(promoted))
    }

    #[test]
    fn a_user_gets_another_role() {
        let expected = UserRoleChanged { from: Role::Agent, to: Role::LightAgent };
        Office::new()
            .as_admin()
            .when(&role(Office::AGENT, Role::LightAgent))
            .then::<UserEvent>(Office::AGENT, [expected.into()]);
        Office::new().as_admin().when(&role(Office::AGENT, Role::Agent)).then_nothing();
    }

    #[test]
    fn the_last_super_admin_keeps_role_and_access() {
        let given = Office::new().as_admin();
        given.when(&role(Office::ADMIN, Role::Agent)).then_rejected("last_super_admin");
        let deactivate = DeactivateUser { user_id: Office::ADMIN };
        given.when(&deactivate).then_rejected("last_super_admin");
        let given = two_super_admins().as_admin();
        assert_eq!(given.when(&role(Office::ADMIN, Role::Agent)).accepted().events.len(), 1);
        assert_eq!(given.when(&deactivate).accepted().events.len(), 1);
    }

    #[test]
    fn access_is_taken_away_and_given_back_once() {
        let (agent, gone) = (Office::AGENT, Office::GONE);
        let given = Office::new().as_admin();
        given
            .when(&DeactivateUser { user_id: agent })
            .then::<UserEvent>(agent, [UserDeactivated {}.into()]);
        given.when(&DeactivateUser { user_id: gone }).then_nothing();
        given
            .when(&ReactivateUser { user_id: gone })
            .then::<UserEvent>(gone, [UserReactivated {}.into()]);
        given.when(&ReactivateUser { user_id: agent }).then_nothing();
    }

    #[test]
    fn only_known_users_and_only_by_who_may() {
        let unknown = UserId(id(9));
        let commands: [(&dyn Command, &dyn Command); 3] = [
            (&role(unknown, Role::Agent), &role(Office::LIGHT, Role::Agent)),
            (&DeactivateUser { user_id: unknown }, &DeactivateUser { user_id: Office::LIGHT }),
            (&ReactivateUser { user_id: unknown }, &ReactivateUser { user_id: Office::LIGHT }),
        ];
        for (unknown, known) in commands {
            Office::new().as_admin().when(unknown).then_rejected("not_found");
            Office::new().as_agent().when(known).then_rejected("forbidden");
        }
    }
}
