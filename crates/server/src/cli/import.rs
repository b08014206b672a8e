//! `import`: takes history over from mbox files and single messages.

use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, Common};

/// What is taken over.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {}

pub async fn run(_: &Common, command: ImportCommand) -> Result<ExitCode, CliError> {
    match command {}
}
