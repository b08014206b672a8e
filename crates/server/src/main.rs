//! The binary `ledgerdesk`.

use std::process::ExitCode;

/// Gives memory back after views have read a long log; the allocator of the system library keeps it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::cli::main()
}
