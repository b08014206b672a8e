//! The parts of the binary `ledgerdesk`: configuration, wiring, shutdown, and one file per command.

pub mod cli;
pub mod config;
pub mod database;
mod descriptors;
mod disk;
mod door;
pub mod generate;
mod heads;
mod impatient;
pub mod logging;
pub mod running;
mod scrubber;
pub mod secret;
pub mod seed;
pub mod service;
