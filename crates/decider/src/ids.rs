//! Identities of the log: workspace, stream, command, position, version.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The tenant: the unit of order, locking, hash chain and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub Uuid);

/// Identity of one request to change something; the same id has one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CommandId(pub Uuid);

impl CommandId {
    /// The id of the command that `actor` sent with an idempotency key: UUIDv5 over workspace, actor and key, so that a
    /// repeat names the same command on every node and after every restart.
    #[must_use]
    pub fn from_key(ws: WorkspaceId, actor: crate::Actor, key: &str) -> Self {
        Self(Uuid::new_v5(&ws.0, format!("{actor}\n{key}").as_bytes()))
    }
}

/// Identity of the sealing of one event: every sealed field of an event carries it, so a ciphertext cannot be moved to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealId(pub Uuid);

impl SealId {
    /// The seal of the `ordinal`-th event (from 0) of a command.
    #[must_use]
    pub fn of(command: CommandId, ordinal: u32) -> Self {
        Self(Uuid::new_v5(&command.0, &ordinal.to_be_bytes()))
    }
}

/// Number of events in a stream; 0 means that the stream does not exist.
pub type Version = u32;

/// One aggregate: its kind and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamRef {
    /// The kind, such as `ticket`.
    pub kind: &'static str,
    /// The UUIDv7 of the aggregate.
    pub id: Uuid,
}

/// A place in a workspace's log: 1, 2, 3 … without holes; 0 is before the first event. A string in JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition(pub u64);

/// The text is not a log position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a log position")]
pub struct ParsePositionError;

impl fmt::Display for LogPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogPosition {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(ParsePositionError);
        }
        let number: i64 = text.parse().map_err(|_| ParsePositionError)?;
        u64::try_from(number).map(Self).map_err(|_| ParsePositionError)
    }
}

impl Serialize for LogPosition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for LogPosition {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
