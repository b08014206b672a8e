//! The binary `ledgerdesk`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
