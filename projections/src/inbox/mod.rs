//! The inbox: one row per ticket as lists show it, mentions, and the pipelines that give a status its meaning.

mod facets;
mod fold;
mod query;
mod views;

pub use facets::{FacetParts, Lists};
pub use fold::{Inbox, InboxEvent, InboxRows};
#[cfg(test)]
pub(crate) use query::statement;
pub use query::{Direction, Filter, Sort, query};
pub use views::{Counts, DefaultView, Visible, counts, page, statuses, tickets};

use decider::Sealed;
use event_store::projection::Json;
use event_store::row;
use events::pipeline::StatusCategory;
use uuid::Uuid;

row! {
    /// One ticket. Times are microseconds since 1970.
    pub struct TicketRow in "inbox_ticket" {
        key { ticket: Uuid }
        number: i64,
        /// Sealed in the ticket's stream as `name`.
        name: Json<Sealed<String>>,
        pipeline: Uuid,
        status: Uuid,
        /// 0 none … 4 urgent.
        priority: i16,
        category: Option<String>,
        source: String,
        owner_user: Option<Uuid>,
        owner_team: Option<Uuid>,
        /// In the order they came.
        tags: Vec<String>,
        /// In the order they came.
        contacts: Vec<Uuid>,
        primary_contact: Option<Uuid>,
        has_conversation: bool,
        imported: bool,
        created_at: i64,
        last_activity_at: i64,
        /// The newest message, by when it was sent.
        last_message: Option<Uuid>,
        last_message_at: Option<i64>,
        /// `incoming` or `outgoing`.
        last_direction: Option<String>,
        /// Sealed in the ticket's stream as `message.preview`.
        last_preview: Option<Json<Sealed<String>>>,
        /// Number of events of the ticket.
        version: i32,
    }
}

row! {
    /// A user was called by name on a ticket.
    pub struct MentionRow in "inbox_mention" {
        key { user_id: Uuid, ticket: Uuid }
        last_at: i64,
    }
}

row! {
    /// What a status means. What many tickets share stands here, once.
    pub struct StatusRow in "inbox_status" {
        key { status: Uuid }
        pipeline: Uuid,
        /// `open`, `waiting` or `closed`.
        category: String,
        name: String,
    }
}

row! {
    /// A pipeline with its statuses in order.
    pub struct PipelineRow in "inbox_pipeline" {
        key { pipeline: Uuid }
        name: String,
        statuses: Vec<Uuid>,
        archived: bool,
    }
}

/// The stored word of a category.
#[must_use]
pub const fn category_word(category: StatusCategory) -> &'static str {
    match category {
        StatusCategory::Open => "open",
        StatusCategory::Waiting => "waiting",
        StatusCategory::Closed => "closed",
    }
}
