//! The timeline of a ticket (T20): one row per event, with small facts; the sentences are made where they are shown.

mod fold;
mod queries;

pub use fold::{Timeline, TimelineRows};
pub use queries::{Wanted, newest, page};

use event_store::projection::JsonText;
use event_store::row;
use uuid::Uuid;

row! {
    /// One event of a ticket. Times are microseconds since 1970.
    pub struct EntryRow in "timeline_entry" {
        key { ticket: Uuid, position: i64 }
        version: i32,
        at: i64,
        occurred_at: i64,
        /// Who, as an actor's text.
        actor: String,
        /// The stored type of the event, such as `StatusChanged`.
        kind: String,
        /// The event's facts: its payload, or of a message or comment only `id`, `direction`, `channel`, `author`, `subject`,
        /// `preview`, `attachments` (how many), `mentions`, `delivery`. Sealed parts keep the names of the event's fields.
        data: JsonText,
        /// The event that led to it, if one did.
        cause: Option<Uuid>,
        /// The command that wrote it: events of one action share it.
        command: Uuid,
        /// The API token that was used.
        token: Option<Uuid>,
        /// The position of the event that it takes back (Z11).
        undoes: Option<i64>,
    }
}
