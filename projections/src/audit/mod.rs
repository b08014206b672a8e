//! The audit log (Z02): one row per event that changed settings, users or tokens, of every sign-in, every file that left and every
//! erasure.

mod fold;
mod queries;

pub use fold::{Audit, AuditRows, KINDS};
pub use queries::{Wanted, page};

use event_store::projection::Json;
use event_store::row;
use serde_json::Value;
use uuid::Uuid;

row! {
    /// One event that an administrator can look up. Times are microseconds since 1970.
    pub struct AuditRow in "audit_entry" {
        key { position: i64 }
        at: i64,
        /// Who, as an actor's text.
        actor: String,
        /// The API token that was used.
        token: Option<Uuid>,
        /// The stored type of the event, such as `UserRoleChanged`.
        kind: String,
        /// The kind of its stream.
        stream_kind: String,
        stream: Uuid,
        /// What it is about: the stream, or the user who signed in, the contact or ticket of which something was erased.
        target: Uuid,
        /// The ticket it is about, where it is one.
        ticket: Option<Uuid>,
        /// The event that led to it, if one did.
        cause: Option<Uuid>,
        /// The command that wrote it: events of one action share it.
        command: Uuid,
        /// The event's payload; what is sealed stays sealed.
        data: Json<Value>,
    }
}
