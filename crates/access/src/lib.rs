//! Who may see and do what. Pure.

mod right;
mod scope;

pub use right::Right;
pub use scope::{Reach, Scope, TicketSight, Verdict};
