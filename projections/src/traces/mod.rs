//! Traces: on which tickets a person ever took part, and what was erased. What erasure asks before it destroys anything.

mod fold;
mod queries;

pub use fold::{TraceRows, Traces};
pub use queries::{erasures, pending, tickets_of};

use event_store::row;
use uuid::Uuid;

row! {
    /// A person takes part in a ticket, or did.
    pub struct TicketTraceRow in "trace_ticket" {
        key { person: Uuid, ticket: Uuid }
        since: i64,
    }
}

row! {
    /// An erasure. Times are microseconds since 1970.
    pub struct ErasureRow in "trace_erasure" {
        key { erasure: Uuid }
        /// `contact`, `message`, `comment` or `file`.
        kind: String,
        subject: Uuid,
        /// The ticket of a message, comment or file.
        ticket: Option<Uuid>,
        reason: String,
        /// Who asked, as an actor's text.
        requested_by: String,
        requested_at: i64,
        /// Where in the log it was asked for.
        position: i64,
        destroyed_at: Option<i64>,
        completed_at: Option<i64>,
    }
}
