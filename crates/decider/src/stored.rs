//! An event as it stands in the log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::actor::Actor;
use crate::ids::{CommandId, LogPosition, SealId, StreamRef, Version, WorkspaceId};
use crate::time::Timestamp;

/// Why an event came to be, beside its actor: the `meta` of the envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventContext {
    /// Place of the event in its command, from 0; it decides the seal id of its sealed fields.
    #[serde(rename = "i", default, skip_serializing_if = "is_zero")]
    pub ordinal: u32,
    /// The command or event that led to this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub causation: Option<Uuid>,
    /// The chain of causes this belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<Uuid>,
    /// The API token used, when the actor came by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Uuid>,
    /// The event whose effect this one takes back (Z11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<LogPosition>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An event as it stands in the log: envelope and stored payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// The workspace.
    pub ws: WorkspaceId,
    /// Its place in the workspace's log.
    pub position: LogPosition,
    /// When it was recorded, by the database's clock under the lock; never runs backwards.
    pub at: Timestamp,
    /// When the fact happened: `at`, except for imported history.
    pub occurred_at: Timestamp,
    /// The stream's id.
    pub stream: Uuid,
    /// Its place in the stream, from 1.
    pub version: Version,
    /// The stream's kind.
    pub kind: String,
    /// The stored type name.
    pub type_name: String,
    /// The stored shape version.
    pub schema_version: u16,
    /// The command that wrote it.
    pub command: CommandId,
    /// Who caused it.
    pub actor: Actor,
    /// Why.
    pub context: EventContext,
    /// The payload: JSON with sealed fields.
    pub payload: Vec<u8>,
}

impl StoredEvent {
    /// The seal id every sealed field of this event must carry.
    #[must_use]
    pub fn seal(&self) -> SealId {
        SealId::of(self.command, self.context.ordinal)
    }

    /// Whether it belongs to this stream.
    #[must_use]
    pub fn is_of(&self, stream: StreamRef) -> bool {
        self.kind == stream.kind && self.stream == stream.id
    }
}
