//! API tokens: that they exist, and that they no longer do. The token itself is nowhere near the log.

use decider::{Aspects, Changes, Command, Halt, World};
use events::user::{TokenCreated, TokenRevoked, UserEvent};
use events::{TokenId, UserId};

use super::{User, enter_own};
use crate::limits::LABEL_CHARS_MAX;
use crate::refusal::{Checks, Refusal};
use crate::text;

/// Records a token of a user.
#[derive(Clone, Debug)]
pub struct CreateToken {
    /// The user.
    pub user_id: UserId,
    /// The token's id.
    pub token_id: TokenId,
    /// What it is for.
    pub label: Option<String>,
}

impl Command for CreateToken {
    fn name(&self) -> &'static str {
        "CreateToken"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        enter_own(world, self.user_id)?;
        let user = world.state::<User>(self.user_id)?;
        let user = user.live().filter(|user| user.active).ok_or(Refusal::NotFound("user"))?;
        if user.tokens.contains(&self.token_id) || user.revoked.contains(&self.token_id) {
            return Err(Refusal::AlreadyExists("token").into());
        }
        let mut checks = Checks::default();
        let label = text::optional_line(self.label.as_deref().unwrap_or(""), LABEL_CHARS_MAX);
        let label = checks.take("label", label);
        checks.finish()?;
        let mut changes = Changes::none();
        let created = TokenCreated { token: self.token_id, label };
        changes.on(self.user_id, UserEvent::from(created));
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::none().and(format!("token:{}", self.token_id)).and("active")
    }
}

/// Takes a token its force.
#[derive(Clone, Copy, Debug)]
pub struct RevokeToken {
    /// The user.
    pub user_id: UserId,
    /// The token's id.
    pub token_id: TokenId,
}

impl Command for RevokeToken {
    fn name(&self) -> &'static str {
        "RevokeToken"
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        enter_own(world, self.user_id)?;
        let user = world.state::<User>(self.user_id)?;
        let user = user.live().ok_or(Refusal::NotFound("user"))?;
        let mut changes = Changes::none();
        if user.tokens.contains(&self.token_id) {
            let revoked = TokenRevoked { token: self.token_id };
            changes.on(self.user_id, UserEvent::from(revoked));
        } else if !user.revoked.contains(&self.token_id) {
            return Err(Refusal::NotFound("token").into());
        }
        Ok(changes)
    }

    fn touches(&self) -> Aspects {
        Aspects::none().and(format!("token:{}", self.token_id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{Office, id};

    const TOKEN: TokenId = TokenId(id(500));

    fn create(user_id: UserId) -> CreateToken {
        CreateToken { user_id, token_id: TOKEN, label: Some(" Script ".to_owned()) }
    }

    fn revoke(user_id: UserId) -> RevokeToken {
        RevokeToken { user_id, token_id: TOKEN }
    }

    fn created() -> UserEvent {
        TokenCreated { token: TOKEN, label: Some("Script".to_owned()) }.into()
    }

    #[test]
    fn users_make_and_revoke_their_own_tokens() {
        let office = Office::new();
        office.as_agent().when(&create(Office::AGENT)).then(Office::AGENT, [created()]);
        let office = office.with(Office::AGENT, created());
        let revoked = UserEvent::from(TokenRevoked { token: TOKEN });
        office.as_agent().when(&revoke(Office::AGENT)).then(Office::AGENT, [revoked.clone()]);
        let office = office.with(Office::AGENT, revoked);
        office.as_agent().when(&revoke(Office::AGENT)).then_nothing();
        office.as_agent().when(&create(Office::AGENT)).then_rejected("already_exists");
    }

    #[test]
    fn tokens_of_others_are_for_administrators() {
        Office::new().as_agent().when(&create(Office::ADMIN)).then_rejected("forbidden");
        Office::new().as_agent().when(&revoke(Office::ADMIN)).then_rejected("forbidden");
        assert_eq!(
            Office::new().as_admin().when(&create(Office::AGENT)).accepted().events.len(),
            1
        );
    }

    #[test]
    fn a_token_belongs_to_an_active_user_and_has_a_sound_label() {
        Office::new().as_admin().when(&create(Office::GONE)).then_rejected("not_found");
        Office::new().as_admin().when(&create(UserId(id(9)))).then_rejected("not_found");
        let label = Some("a\0".to_owned());
        let unsound = CreateToken { label, ..create(Office::AGENT) };
        Office::new().as_admin().when(&unsound).then_rejected("invalid_text");
    }

    #[test]
    fn only_a_known_token_is_revoked() {
        Office::new().as_agent().when(&revoke(Office::AGENT)).then_rejected("not_found");
        Office::new().as_admin().when(&revoke(UserId(id(9)))).then_rejected("not_found");
    }
}
