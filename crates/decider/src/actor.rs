//! Who caused an event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// What kind of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    /// A person who signs in.
    User,
    /// A person outside: the customer.
    Contact,
    /// Mail, chat or another channel that brought something in.
    Channel,
    /// An automatic reaction to an event.
    Policy,
    /// The program itself: first start, command line of the operator.
    System,
}

impl ActorKind {
    const ALL: [Self; 5] = [Self::User, Self::Contact, Self::Channel, Self::Policy, Self::System];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Contact => "contact",
            Self::Channel => "channel",
            Self::Policy => "policy",
            Self::System => "system",
        }
    }
}

/// Who caused an event. Text form: `user:0190…`; never a name or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    /// The kind.
    pub kind: ActorKind,
    /// The stream id of the user, contact, channel or policy; nil for the system.
    pub id: Uuid,
}

/// The text is not an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an actor")]
pub struct ParseActorError;

impl Actor {
    /// The program itself.
    pub const SYSTEM: Self = Self { kind: ActorKind::System, id: Uuid::nil() };

    /// A user.
    #[must_use]
    pub const fn user(id: Uuid) -> Self {
        Self { kind: ActorKind::User, id }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.as_str(), self.id)
    }
}

impl FromStr for Actor {
    type Err = ParseActorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (word, id) = text.split_once(':').ok_or(ParseActorError)?;
        let kind =
            ActorKind::ALL.into_iter().find(|k| k.as_str() == word).ok_or(ParseActorError)?;
        Ok(Self { kind, id: id.parse().map_err(|_| ParseActorError)? })
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
