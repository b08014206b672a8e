//! `erase`: forgetting a person, the certificates, and their proof.

mod contact;
mod list;
mod shown;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, Common};

/// What can be done about erasures.
#[derive(Debug, Subcommand)]
pub enum EraseCommand {
    /// Forget a person; with --dry-run say what that would do
    Contact(contact::EraseContactArgs),
    /// Prove that an erasure holds, and name what is left
    Verify(verify::EraseVerifyArgs),
    /// The erasures so far, newest first
    List(list::EraseListArgs),
    /// Show a certificate
    Show(list::EraseShowArgs),
}

pub async fn run(common: &Common, command: EraseCommand) -> Result<ExitCode, CliError> {
    match command {
        EraseCommand::Contact(args) => contact::run(common, args).await,
        EraseCommand::Verify(args) => verify::run(common, args).await,
        EraseCommand::List(args) => list::run(common, args).await,
        EraseCommand::Show(args) => list::show(common, args).await,
    }
}
