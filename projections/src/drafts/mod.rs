//! Open drafts (D02): who is writing what where, never the words. Every query asks for one user's own (D03).

mod fold;
mod queries;

pub use fold::{DraftRows, Drafts};
pub use queries::{count, find, on_tickets, page};

use event_store::row;
use uuid::Uuid;

row! {
    /// One open draft. Times are microseconds since 1970.
    pub struct DraftRow in "draft_open" {
        key { draft: Uuid }
        ticket: Uuid,
        user_id: Uuid,
        /// `reply` or `comment`.
        kind: String,
        started_at: i64,
        saved_at: i64,
    }
}
