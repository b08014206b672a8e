//! What arrives and leaves: one folder per channel kind.

pub mod email;
pub mod import;
