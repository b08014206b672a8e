//! What can be read: views folded from the log. One folder per view; nothing writes to a view but its projector, and a query
//! reads one view.
#![warn(clippy::wildcard_enum_match_arm, clippy::match_wildcard_for_single_variants)]

pub mod audit;
mod cursor;
pub mod drafts;
pub mod effect;
pub mod inbox;
mod kinds;
pub mod lookup;
pub mod tally;
pub mod thread;
pub mod timeline;
pub mod traces;

#[cfg(test)]
mod tests;

use event_store::projection::ProjectionType;

pub use cursor::{Cursor, PAGE_MAX, Page, ParseCursorError};

/// Every view, for the engine and for the search path of readers.
#[must_use]
pub fn registry() -> Vec<ProjectionType> {
    vec![
        ProjectionType::of::<inbox::Inbox>(),
        ProjectionType::of::<thread::Thread>(),
        ProjectionType::of::<timeline::Timeline>(),
        ProjectionType::of::<drafts::Drafts>(),
        ProjectionType::of::<lookup::Lookup>(),
        ProjectionType::of::<traces::Traces>(),
        ProjectionType::of::<tally::Tally>(),
        ProjectionType::of::<audit::Audit>(),
    ]
}
