//! The fold of open drafts.

use decider::{DecodeError, StoredEvent};
use event_store::projection::{ApplyError, Keys, Projection, Stored};
use event_store::row_set;
use events::{DraftEvent, decode_stored};

use super::DraftRow;
use crate::kinds::passed_over;

row_set! {
    /// The table of open drafts.
    pub struct DraftRows { drafts: DraftRow }
}

/// Open drafts.
pub struct Drafts;

impl Projection for Drafts {
    const NAME: &'static str = "drafts";
    const VERSION: u32 = 1;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = DraftEvent;
    type Rows = DraftRows;

    fn decode(stored: &StoredEvent) -> Result<Option<DraftEvent>, DecodeError> {
        match stored.kind.as_str() {
            "draft" => decode_stored(stored).map(Some),
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, DraftEvent>, keys: &mut Keys<'_>) {
        keys.row::<DraftRow>(event.stream);
    }

    fn apply(event: &Stored<'_, DraftEvent>, rows: &mut DraftRows) -> Result<(), ApplyError> {
        match event.data {
            DraftEvent::Started(started) => rows.drafts.insert(DraftRow {
                draft: event.stream,
                ticket: started.ticket.0,
                user_id: started.user.0,
                kind: started.kind.as_str().to_owned(),
                started_at: event.occurred_at.as_micros(),
                saved_at: event.occurred_at.as_micros(),
            }),
            DraftEvent::Saved(_) => {
                rows.drafts.get_mut(&event.stream)?.saved_at = event.occurred_at.as_micros();
                Ok(())
            }
            DraftEvent::Sent(_) | DraftEvent::Discarded(_) => rows.drafts.remove(&event.stream),
        }
    }
}
