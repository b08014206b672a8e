//! Time travel (Z04): tickets, threads, timelines, contacts and pipelines as they were. There are no rules of its own here: an
//! earlier state is the fold of fewer events (decision 0020).

mod at;
mod directory;
mod long;
mod moment;
mod names;
mod ticket;

pub use at::{
    AS_OF, AsOfQuery, AsOfShown, At, Travelled, list_at, moment, not_yet_created, read, resolve,
};
pub use directory::{DirectoryThen, directory_at, names_at};
pub(crate) use long::LongTickets;
pub use moment::{Moment, ParseMomentError};
pub use names::Names;
pub use ticket::{Changes, Folded, Journey, back_to, journey, present};

// For the command line.
pub use crate::routes::diff::{DiffQuery, diff};
pub use crate::show::diff::TicketDiff;
pub use crate::show::fold::TicketName;
