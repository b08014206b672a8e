//! What the index keeps of a ticket.

use decider::{KeyScope, Sealed};
use event_store::projection::Json;
use uuid::Uuid;

use super::facet::Code;
use crate::inbox::TicketRow;

/// The columns of a ticket that lists are filtered and sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) ticket: Uuid,
    pub(super) number: i64,
    pub(super) pipeline: Uuid,
    pub(super) status: Uuid,
    pub(super) priority: i16,
    pub(super) category: Option<String>,
    pub(super) source: String,
    pub(super) owner_user: Option<Uuid>,
    pub(super) owner_team: Option<Uuid>,
    pub(super) tags: Vec<String>,
    pub(super) created_at: i64,
    pub(super) last_activity_at: i64,
    pub(super) version: i32,
}

/// The same inside the index: values are codes of their facets. Tags stand beside it, since most tickets have none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) ticket: Uuid,
    pub(super) number: i64,
    pub(super) created_at: i64,
    pub(super) last_activity_at: i64,
    pub(super) version: i32,
    pub(super) place: Code,
    pub(super) owner: Code,
    pub(super) category: Code,
    pub(super) source: Code,
    pub(super) priority: i16,
}

impl Kept {
    /// Of a row.
    pub(super) fn of(row: &TicketRow) -> Self {
        Self {
            ticket: row.ticket,
            number: row.number,
            pipeline: row.pipeline,
            status: row.status,
            priority: row.priority,
            category: row.category.clone(),
            source: row.source.clone(),
            owner_user: row.owner_user,
            owner_team: row.owner_team,
            tags: row.tags.clone(),
            created_at: row.created_at,
            last_activity_at: row.last_activity_at,
            version: row.version,
        }
    }

    /// A row for the fold of the inbox. What is not kept is empty in it: no event decides by that what happens to the rest.
    pub(super) fn into_row(self) -> TicketRow {
        let nothing = Sealed::Clear { value: String::new(), scope: KeyScope::ticket(Uuid::nil()) };
        TicketRow {
            ticket: self.ticket,
            number: self.number,
            name: Json(nothing),
            pipeline: self.pipeline,
            status: self.status,
            priority: self.priority,
            category: self.category,
            source: self.source,
            owner_user: self.owner_user,
            owner_team: self.owner_team,
            tags: self.tags,
            contacts: Vec::new(),
            primary_contact: None,
            has_conversation: false,
            imported: false,
            created_at: self.created_at,
            last_activity_at: self.last_activity_at,
            last_message: None,
            last_message_at: None,
            last_direction: None,
            last_preview: None,
            version: self.version,
        }
    }
}
