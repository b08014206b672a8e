//! The log as a file: sealed, for a replica (W06); opened, for everybody who may read it (W05).

pub mod desk;
mod faults;
mod opened;
mod replica;
