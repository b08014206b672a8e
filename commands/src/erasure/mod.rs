//! Erasures: how far each has come. What is to be forgotten is decided where it lives: see `contact` and `ticket`.

mod complete;
mod record;
mod state;

pub use complete::CompleteErasure;
pub use record::RecordDestroyedKeys;
pub use state::{Erasure, KnownErasure, Progress};
