//! What all peers share: the domain work, how callers are measured, and how the driver talks with a peer.

pub mod domain;
pub mod measure;
pub mod protocol;
pub mod read_model;

/// The same allocator for every Rust peer.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;
