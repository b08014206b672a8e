//! Filters that several lists have: by whom, and of which kind.

use std::marker::PhantomData;
use std::str::FromStr;

use decider::{Actor, ActorKind};
use serde::{Deserialize, Deserializer, de};

/// So many kinds one list is filtered by at most.
const KINDS_MAX: usize = 50;

/// An actor in a query: kind and id, such as `user:0190…`, or `system`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActorName(pub Actor);

/// The text is no filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseFilterError(&'static str);

impl FromStr for ActorName {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == ActorKind::System.as_str() {
            return Ok(Self(Actor::SYSTEM));
        }
        let wrong = |_| ParseFilterError("takes kind and id of an actor, such as user:0190…");
        text.parse().map(Self).map_err(wrong)
    }
}

impl<'de> Deserialize<'de> for ActorName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// Words that something can be filtered by.
pub trait Known {
    /// Whether there is such a word.
    fn knows(word: &str) -> bool;
}

impl Known for events::TicketEvent {
    fn knows(word: &str) -> bool {
        Self::TYPES.iter().any(|known| known.name == word)
    }
}

/// Some known words in a query, with commas between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kinds<K> {
    words: Vec<String>,
    of: PhantomData<K>,
}

impl<K> Kinds<K> {
    /// The words.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.words.clone()
    }
}

impl<K: Known> FromStr for Kinds<K> {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
        if words.len() > KINDS_MAX || !words.iter().all(|word| K::knows(word)) {
            return Err(ParseFilterError("takes known kinds, with commas between them"));
        }
        Ok(Self { words, of: PhantomData })
    }
}

impl<'de, K: Known> Deserialize<'de> for Kinds<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use events::TicketEvent;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_actor_is_named_by_kind_and_id() {
        let id = "01900000-0000-7000-8000-000000000001";
        let read = |text: &str| serde_json::from_value::<ActorName>(json!(text)).ok();
        assert_eq!(read("system"), Some(ActorName(Actor::SYSTEM)));
        assert_eq!(read(&format!("user:{id}")).unwrap().0, Actor::user(id.parse().unwrap()));
        for wrong in ["", "user", "user:", "robot:x", id] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn kinds_are_known_words() {
        let read = |text: &str| serde_json::from_value::<Kinds<TicketEvent>>(json!(text)).ok();
        let two = read("StatusChanged, OwnerChanged").unwrap();
        assert_eq!(two.names(), ["StatusChanged", "OwnerChanged"]);
        for wrong in ["", ",", "StatusChanged,", "Levitated"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(read(&"StatusChanged,".repeat(60)), None);
    }
}
