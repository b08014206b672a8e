//! Several commands as one: all of them, or none.

use decider::{Aspects, Changes, Command, Halt, StreamRef, World};

/// Commands that are decided on the same world and written together. They must concern different aspects: none sees what
/// another one changes.
pub struct Several {
    name: &'static str,
    commands: Vec<Box<dyn Command>>,
}

impl Several {
    /// None yet. `name` is for traces.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, commands: Vec::new() }
    }

    /// One more, if there is one.
    #[must_use]
    pub fn and<C: Command>(mut self, command: Option<C>) -> Self {
        if let Some(command) = command {
            self.commands.push(Box::new(command));
        }
        self
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
}

impl Command for Several {
    fn name(&self) -> &'static str {
        self.name
    }

    fn decide(&self, world: &World<'_>) -> Result<Changes, Halt> {
        let mut all = Changes::none();
        for command in &self.commands {
            let Changes { events, claims, numbers } = command.decide(world)?;
            all.events.extend(events);
            all.claims.extend(claims);
            all.numbers += numbers;
        }
        Ok(all)
    }

    fn creates(&self) -> Vec<StreamRef> {
        self.commands.iter().flat_map(|command| command.creates()).collect()
    }

    fn touches(&self) -> Aspects {
        let mut all = Vec::new();
        for command in &self.commands {
            match command.touches() {
                Aspects::All => return Aspects::All,
                Aspects::Only(words) => all.extend(words),
            }
        }
        Aspects::Only(all)
    }
}

#[cfg(test)]
mod tests {
    use commands::user::{ChangeRole, RecordPasswordSet};
    use events::UserId;
    use events::user::Role;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn together_they_touch_what_each_of_them_touches() {
        let user_id = UserId(Uuid::nil());
        let role = ChangeRole { user_id, role: Role::Agent };
        let several =
            Several::new("ChangeUser").and(Some(role)).and(Some(RecordPasswordSet { user_id }));
        assert!(several.touches().meets(&Aspects::of(&["role"])));
        assert!(several.touches().meets(&Aspects::of(&["password"])));
        assert!(!several.touches().meets(&Aspects::of(&["name"])));
        assert!(Several::new("Nothing").and(None::<ChangeRole>).is_empty());
    }
}
