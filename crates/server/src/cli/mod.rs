//! The command line: one file per command, common flags, exit codes 0 done, 1 failed, 2 wrong usage, 3 found a difference.

mod asking;
mod audit;
mod backup;
mod doctor;
mod erase;
mod error;
mod export;
mod generate;
mod heads;
mod import;
mod import_ndjson;
mod log_decode_check;
mod log_head;
mod log_key;
mod log_show;
mod log_tail;
mod log_verify;
mod opened;
mod output;
mod progress;
mod projection_abort;
mod projection_list;
mod projection_prepare;
mod projection_rebuild;
mod projection_retire;
mod projection_rollback;
mod projection_switch;
mod projection_verify;
mod report_tickets;
mod serve;
mod session;
mod ticket_diff;
mod ticket_fold;
mod ticket_lookup;
mod ticket_show;
mod token_create;
mod unfinished;
mod user_add;
mod views;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

pub use error::CliError;

use crate::config::{Config, Flags, LogConfig, LogFormat};
use crate::logging::{self, Least};

/// The exit code for a difference.
const DIFFERENT: u8 = 3;

/// A help desk built on an event log.
#[derive(Debug, Parser)]
#[command(name = "ledgerdesk", version, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The data folder [default: ./data]
    #[arg(long, global = true, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// The configuration file [default: ledgerdesk.toml in the data folder]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The workspace, where there are several
    #[arg(long, global = true, value_name = "ID")]
    workspace: Option<String>,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// People who sign in
    #[command(subcommand)]
    User(UserCommand),
    /// Tokens for the API
    #[command(subcommand)]
    Token(TokenCommand),
    /// Take over history
    #[command(subcommand)]
    Import(import::ImportCommand),
    /// Write the log to a file: opened, for reading; or sealed, for a replica
    Export(export::ExportArgs),
    /// Copy database, objects and key file of a data folder, in an order that fits together
    Backup(backup::BackupArgs),
    /// Read and prove the log
    #[command(subcommand)]
    Log(LogCommand),
    /// Tickets, folded from the log
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// Numbers at any instant
    #[command(subcommand)]
    Report(ReportCommand),
    /// Who changed what in settings and users, who signed in, what was refused
    Audit(audit::AuditArgs),
    /// The views
    #[command(subcommand)]
    Projection(ProjectionCommand),
    /// Forget a person for ever, and prove it
    #[command(subcommand)]
    Erase(erase::EraseCommand),
    /// Check configuration, database, keys and disk, and say what to do
    Doctor(doctor::DoctorArgs),
    /// Fill a workspace with invented history, for measuring
    Generate(generate::GenerateArgs),
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Let somebody sign in; prints the id
    Add(user_add::UserAddArgs),
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token for a user; prints it, once
    Create(token_create::TokenCreateArgs),
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Show the newest events, as they are stored
    Tail(log_tail::LogTailArgs),
    /// Show events with their sealed fields opened
    Show(log_show::LogShowArgs),
    /// Show where the log ends, to be kept elsewhere
    Head(log_head::LogHeadArgs),
    /// Show what the signatures of heads are checked with
    Key(log_key::LogKeyArgs),
    /// Read every event, and name what this version of the program cannot read
    DecodeCheck(log_decode_check::LogDecodeCheckArgs),
    /// Prove that nothing in the log was changed
    Verify(log_verify::LogVerifyArgs),
}

#[derive(Debug, Subcommand)]
enum TicketCommand {
    /// Show a ticket: what it is or was, what was said, what happened
    Show(ticket_show::TicketShowArgs),
    /// Show what happened to a ticket between two places
    Diff(ticket_diff::TicketDiffArgs),
}

#[derive(Debug, Subcommand)]
enum ReportCommand {
    /// How many tickets there were, by what is asked for
    Tickets(report_tickets::ReportTicketsArgs),
}

#[derive(Debug, Subcommand)]
enum ProjectionCommand {
    /// Every view with its version, how far it is, and what it leaves out
    List(projection_list::ProjectionListArgs),
    /// Build the views that this program changed, beside a running older one
    Prepare(projection_prepare::ProjectionPrepareArgs),
    /// Build a view anew beside the one that is read
    Rebuild(projection_rebuild::ProjectionRebuildArgs),
    /// Compare every row of a view with the log
    Verify(projection_verify::ProjectionVerifyArgs),
    /// Lead readers to the build that is ready
    Switch(projection_switch::ProjectionSwitchArgs),
    /// Lead readers back to the build they saw before
    Rollback(projection_rollback::ProjectionRollbackArgs),
    /// Give up what is being built or waits for its switch
    Abort(projection_abort::ProjectionAbortArgs),
    /// Drop the builds that readers were led away from
    Retire(projection_retire::ProjectionRetireArgs),
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Printing fails only when nobody reads.
            drop(usage.print());
            return ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2));
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CliError::Runtime(error).report(cli.common.json),
    };
    let json = cli.common.json;
    let code = match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => error.report(json),
    };
    // A start that was interrupted may still be busy in a thread; Postgres ends with this process.
    runtime.shutdown_background();
    code
}

async fn run(cli: Cli) -> Result<ExitCode, CliError> {
    let common = cli.common;
    match cli.command {
        Command::Serve(args) => serve::run(&common, args).await,
        Command::User(UserCommand::Add(args)) => user_add::run(&common, args).await,
        Command::Token(TokenCommand::Create(args)) => token_create::run(&common, args).await,
        Command::Import(command) => import::run(&common, command).await,
        Command::Export(args) => export::run(&common, args).await,
        Command::Backup(args) => backup::run(&common, args).await,
        Command::Log(LogCommand::Tail(args)) => log_tail::run(&common, args).await,
        Command::Log(LogCommand::Show(args)) => log_show::run(&common, args).await,
        Command::Log(LogCommand::Head(args)) => log_head::run(&common, args).await,
        Command::Log(LogCommand::Key(args)) => log_key::run(&common, args).await,
        Command::Log(LogCommand::DecodeCheck(args)) => log_decode_check::run(&common, args).await,
        Command::Log(LogCommand::Verify(args)) => log_verify::run(&common, args).await,
        Command::Ticket(TicketCommand::Show(args)) => ticket_show::run(&common, args).await,
        Command::Ticket(TicketCommand::Diff(args)) => ticket_diff::run(&common, args).await,
        Command::Report(ReportCommand::Tickets(args)) => report_tickets::run(&common, args).await,
        Command::Projection(command) => projection(&common, command).await,
        Command::Erase(command) => erase::run(&common, command).await,
        Command::Audit(args) => audit::run(&common, args).await,
        Command::Doctor(args) => doctor::run(&common, args).await,
        Command::Generate(args) => generate::run(&common, args).await,
    }
}

async fn projection(common: &Common, command: ProjectionCommand) -> Result<ExitCode, CliError> {
    match command {
        ProjectionCommand::List(args) => projection_list::run(common, args).await,
        ProjectionCommand::Prepare(args) => projection_prepare::run(common, args).await,
        ProjectionCommand::Rebuild(args) => projection_rebuild::run(common, args).await,
        ProjectionCommand::Verify(args) => projection_verify::run(common, args).await,
        ProjectionCommand::Switch(args) => projection_switch::run(common, args).await,
        ProjectionCommand::Rollback(args) => projection_rollback::run(common, args).await,
        ProjectionCommand::Abort(args) => projection_abort::run(common, args).await,
        ProjectionCommand::Retire(args) => projection_retire::run(common, args).await,
    }
}

impl Common {
    /// The configuration, with what the command adds.
    fn configuration(&self, more: Vec<(&'static str, OsString)>) -> Result<Config, CliError> {
        let mut values = more;
        if let Some(data) = &self.data {
            values.push(("data", data.clone().into()));
        }
        if let Some(workspace) = &self.workspace {
            values.push(("workspace", workspace.into()));
        }
        let flags = Flags { config: self.config.clone(), values };
        Ok(Config::load(&flags)?)
    }

    /// The configuration of a command that speaks for itself: of the log, it shows warnings only.
    fn quiet_configuration(&self) -> Result<Config, CliError> {
        let config = self.configuration(Vec::new());
        let text = LogConfig { filter: "warn".to_owned(), format: LogFormat::Text };
        logging::start(config.as_ref().map_or(&text, |config| &config.log), Least::Warnings);
        config
    }
}
