//! Signing in, as a fact for the audit log (Z02, X08). Who may sign in is decided by the credentials before; here it is written.

use decider::{
    Actor, Changes, Command, Event, EventMeta, Halt, KeyScope, Personal, State, StreamRef, World,
};
use events::sign_in::{SignInMethod, SignInsRefused, UserSignedIn, UserSignedOut};
use events::{SignInEvent, SignInId, UserId};

use crate::directory::Directory;
use crate::refusal::Refusal;

/// What rules ask about a sign-in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignIn {
    /// Whether the session was ended, or the refusal told.
    pub over: bool,
}

impl State for SignIn {
    type Event = SignInEvent;

    fn evolve(&mut self, event: &SignInEvent, _: &EventMeta) {
        match event {
            SignInEvent::SignedIn(_) => {}
            SignInEvent::SignedOut(_) | SignInEvent::Refused(_) => self.over = true,
        }
    }
}

/// Records that a user signed in.
#[derive(Clone, Debug)]
pub struct RecordSignIn {
    /// The sign-in.
    pub sign_in_id: SignInId,
    /// Who.
    pub user_id: UserId,
    /// How.
    pub method: SignInMethod,
    /// The network address it was done from.
    pub address: Option<Personal<String>>,
}

impl Command for RecordSignIn {
    fn name(&self) -> &'static str {
        "RecordSignIn"
    }

    fn creates(&self) -> Vec<StreamRef> {
        vec![StreamRef { kind: SignInEvent::KIND, id: self.sign_in_id.0 }]
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let user = themselves(world, self.user_id)?;
        let scope = KeyScope::person(user.0);
        let address = self.address.clone().map(|address| address.seal(&scope));
        let mut changes = Changes::none();
        let signed_in = UserSignedIn { user, method: self.method, address };
        changes.on(self.sign_in_id, SignInEvent::from(signed_in));
        Ok(changes)
    }
}

/// Records that a user signed out. A session ends once.
#[derive(Clone, Copy, Debug)]
pub struct RecordSignOut {
    /// The sign-in that ends; one from before sign-ins were recorded is not known.
    pub sign_in_id: SignInId,
    /// Who.
    pub user_id: UserId,
}

impl Command for RecordSignOut {
    fn name(&self) -> &'static str {
        "RecordSignOut"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let user = themselves(world, self.user_id)?;
        let mut changes = Changes::none();
        if !world.state::<SignIn>(self.sign_in_id)?.over {
            changes.on(self.sign_in_id, SignInEvent::from(UserSignedOut { user }));
        }
        Ok(changes)
    }
}

/// Records that nobody could sign in to an account for a while. The id is made of account and time, so that a run of refusals is
/// one fact.
#[derive(Clone, Copy, Debug)]
pub struct RecordSignInsRefused {
    /// The run of refusals.
    pub sign_in_id: SignInId,
    /// Whose account.
    pub user_id: UserId,
}

impl Command for RecordSignInsRefused {
    fn name(&self) -> &'static str {
        "RecordSignInsRefused"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        if world.directory::<Directory>().user(self.user_id).is_none() {
            return Err(Refusal::NotFound("user").into());
        }
        let mut changes = Changes::none();
        if !world.state::<SignIn>(self.sign_in_id)?.over {
            let refused = SignInsRefused { user: self.user_id };
            changes.on(self.sign_in_id, SignInEvent::from(refused));
        }
        Ok(changes)
    }
}

/// Signing in and out is done by oneself, with an account that has access.
fn themselves(world: &World<'_>, user: UserId) -> Result<UserId, Refusal> {
    let directory = world.directory::<Directory>();
    let active = directory.user(user).is_some_and(|known| known.active);
    if active && world.actor() == Actor::user(user.0) {
        Ok(user)
    } else {
        Err(Refusal::NotFound("user"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id, personal, sealed};

    const SESSION: SignInId = SignInId(id(90));

    fn sign_in(user_id: UserId) -> RecordSignIn {
        let address = Some(personal("192.0.2.7"));
        let method = SignInMethod::Password;
        RecordSignIn { sign_in_id: SESSION, user_id, method, address }
    }

    fn signed_in() -> SignInEvent {
        let scope = KeyScope::person(Office::AGENT.0);
        let address = Some(sealed(&scope, "192.0.2.7"));
        UserSignedIn { user: Office::AGENT, method: SignInMethod::Password, address }.into()
    }

    #[test]
    fn a_sign_in_is_recorded_with_where_it_came_from_sealed_for_its_user_z02() {
        let given = Office::new().as_agent();
        given.when(&sign_in(Office::AGENT)).then(SESSION, [signed_in()]);
    }

    #[test]
    fn nobody_signs_in_for_somebody_else_or_without_access_z02() {
        Office::new().as_admin().when(&sign_in(Office::AGENT)).then_rejected("not_found");
        Office::new().as_gone().when(&sign_in(Office::GONE)).then_rejected("not_found");
    }

    #[test]
    fn a_session_ends_once_z02() {
        let out = RecordSignOut { sign_in_id: SESSION, user_id: Office::AGENT };
        let signed_out = SignInEvent::from(UserSignedOut { user: Office::AGENT });
        let given = Office::new().as_agent().events::<SignIn>(SESSION, [signed_in()]);
        given.when(&out).then(SESSION, [signed_out.clone()]);
        given.events::<SignIn>(SESSION, [signed_out.clone()]).when(&out).then_nothing();
        // A session from before is not known here.
        Office::new().as_agent().when(&out).then(SESSION, [signed_out]);
        Office::new().as_admin().when(&out).then_rejected("not_found");
    }

    #[test]
    fn a_run_of_refusals_is_one_fact_z02() {
        let refused = RecordSignInsRefused { sign_in_id: SESSION, user_id: Office::AGENT };
        let fact = SignInEvent::from(SignInsRefused { user: Office::AGENT });
        Office::new().given().when(&refused).then(SESSION, [fact.clone()]);
        let given = Office::new().given().events::<SignIn>(SESSION, [fact]);
        given.when(&refused).then_nothing();
        let unknown = RecordSignInsRefused { user_id: UserId(id(9)), ..refused };
        Office::new().given().when(&unknown).then_rejected("not_found");
    }
}
