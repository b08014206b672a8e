//! How many tickets there were of each kind, at any instant and as it was known at any position (Z10).
//!
//! Every change of a ticket is kept with the instant from which it counts, and summed over spans of time in three sizes. A
//! number is the sum of the spans before an instant and of the few changes since the last span; what was recorded after the
//! position that is asked for is taken off again.

mod fold;
mod queries;
mod span;

pub use fold::{Tally, TallyRows};
pub use queries::{Asked, Count, Restated, counts, restated};

use event_store::row;
use events::value::{Priority, TicketSource};
use uuid::Uuid;

row! {
    /// A ticket: where its changes have led, so that the next one can follow. Microseconds since 1970.
    pub struct TicketRow in "tally_ticket" {
        key { ticket: Uuid }
        effect_at: i64,
    }
}

row! {
    /// One change. A pair that is empty on both sides did not change; a value that is missing is "none".
    pub struct ChangeRow in "tally_change" {
        key { position: i64 }
        /// From when it counts, in microseconds since 1970.
        effect_at: i64,
        /// Whether it was recorded later than that.
        late: bool,
        /// How the ticket came to be; set on its first event alone.
        source: Option<Uuid>,
        /// The channel it came in by; the same.
        channel: Option<Uuid>,
        pipeline_from: Option<Uuid>,
        pipeline_to: Option<Uuid>,
        status_from: Option<Uuid>,
        status_to: Option<Uuid>,
        owner_from: Option<Uuid>,
        owner_to: Option<Uuid>,
        team_from: Option<Uuid>,
        team_to: Option<Uuid>,
        priority_from: Option<Uuid>,
        priority_to: Option<Uuid>,
    }
}

row! {
    /// What a span of time adds to the number of tickets of one value.
    pub struct SpanRow in "tally_span" {
        key { level: i16, dimension: i16, span: i64, value: Uuid }
        delta: i64,
    }
}

/// What tickets are counted by. The numbers stand in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// The pipeline. Every ticket has one, so their sum is the number of all tickets.
    Pipeline = 1,
    /// The status.
    Status = 2,
    /// The user who is responsible.
    Owner = 3,
    /// The team that is responsible.
    Team = 4,
    /// How urgent.
    Priority = 5,
    /// How it came to be.
    Source = 6,
    /// The channel it came in by.
    Channel = 7,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 7] = [
        Self::Pipeline,
        Self::Status,
        Self::Owner,
        Self::Team,
        Self::Priority,
        Self::Source,
        Self::Channel,
    ];

    /// Its number in the table.
    #[must_use]
    pub const fn number(self) -> i16 {
        self as i16
    }

    /// The dimension of a number.
    #[must_use]
    pub fn of(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.number() == number)
    }
}

/// The value of a priority; "none" has no value.
#[must_use]
pub const fn priority_value(priority: Priority) -> Option<Uuid> {
    Some(Uuid::from_u128(match priority {
        Priority::None => return None,
        Priority::Low => 1,
        Priority::Medium => 2,
        Priority::High => 3,
        Priority::Urgent => 4,
    }))
}

/// The value of a source.
#[must_use]
pub const fn source_value(source: TicketSource) -> Uuid {
    Uuid::from_u128(match source {
        TicketSource::Manual => 1,
        TicketSource::Api => 2,
        TicketSource::Import => 3,
        TicketSource::Email => 4,
        TicketSource::Form => 5,
        TicketSource::Chat => 6,
        TicketSource::Call => 7,
    })
}
