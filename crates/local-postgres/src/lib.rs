//! A private Postgres for those who bring none: socket only, never as root, no orphans, one instance per data folder.
//!
//! [`open`] starts the cluster of a data folder, or attaches when another live process owns it; [`attach`] only attaches.
//! The owner holds an `flock` beside the cluster for its life, and the server ends when its owner does, however it ends.

mod account;
mod binaries;
mod child;
mod cluster;
mod error;
mod handshake;
mod log_file;
mod place;
mod processes;
pub mod scratch;
mod server;
mod socket_dir;

use std::path::{Path, PathBuf};

pub use binaries::{Binaries, find_binaries};
pub use error::Error;
pub use server::LocalPostgres;

/// What a private Postgres is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The data folder, for example `./data`; the cluster goes in its folder `postgres`.
    pub data: PathBuf,
    /// What a crash of the machine may cost.
    pub durability: Durability,
    /// More server settings, name and value; they win over the built-in ones.
    pub extra: Vec<(String, String)>,
}

/// What a crash of the machine may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed.
    Safe,
    /// Everything: `fsync`, `synchronous_commit` and `full_page_writes` are off. For tests.
    Throwaway,
}

impl Settings {
    /// A durable cluster in this data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into(), durability: Durability::Safe, extra: Vec::new() }
    }
}

/// Starts the cluster of a data folder (creating it on first use), or attaches when another live process owns it;
/// then the owner's settings hold.
///
/// The server is bound to this process, not to the calling thread: call it from wherever blocking is allowed.
pub fn open(settings: &Settings) -> Result<LocalPostgres, Error> {
    server::open(settings, |_| Ok(()))
}

/// Attaches to the cluster another process owns; [`Error::NotRunning`] when there is no owner.
pub fn attach(data: &Path) -> Result<LocalPostgres, Error> {
    server::attach(data)
}

/// Deletes the cluster of a data folder with everything in it, wherever it was put; refuses while it runs.
pub fn remove(data: &Path) -> Result<(), Error> {
    server::remove(data)
}
