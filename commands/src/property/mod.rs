//! Property definitions: what may be asked of them.

mod change;
mod choices;
mod define;
mod state;

pub use change::{ArchiveProperty, RelabelProperty};
pub use choices::{AddChoice, RetireChoice};
pub use define::DefineProperty;
pub use state::{LiveProperty, Property};
