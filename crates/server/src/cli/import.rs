//! `import`: takes history over from mbox files and single messages, or a whole log. Nothing is sent to anybody because of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use channels::import::{Format, ImportRequest, Importer, Phase, Report};
use clap::{Args, Subcommand, ValueEnum};
use commands::Directory;
use commands::ticket::ImportedStatus;
use decider::{Actor, WorkspaceId};
use events::ChannelId;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::progress::Progress;
use super::{CliError, Common, import_ndjson, output, session};
use crate::service::Service;

/// What is taken over.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Files with many messages each
    #[command(
        after_help = "Example:\n  ledgerdesk import mbox archive-2025.mbox archive-2026.mbox\n\n\
                            Interrupted or not: the same command again adds what is missing and nothing else."
    )]
    Mbox(ImportArgs),
    /// Files with one message each
    #[command(after_help = "Example:\n  ledgerdesk import eml --status open inbox/*.eml")]
    Eml(ImportArgs),
    /// A log that `export --sealed` wrote, into an empty workspace or behind the part that is there
    Ndjson(import_ndjson::ImportNdjsonArgs),
}

/// Which files, and what becomes of them.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The channel the mail came by, as its id or address
    #[arg(long)]
    channel: Option<String>,
    /// The status of new tickets
    #[arg(long, value_enum, default_value = "closed")]
    status: StatusName,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum StatusName {
    /// Somebody still has to act
    Open,
    /// It is history
    Closed,
}

impl From<StatusName> for ImportedStatus {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Open => Self::Open,
            StatusName::Closed => Self::Closed,
        }
    }
}

pub async fn run(common: &Common, command: ImportCommand) -> Result<ExitCode, CliError> {
    let (format, args) = match command {
        ImportCommand::Mbox(args) => (Format::Mbox, args),
        ImportCommand::Eml(args) => (Format::Eml, args),
        ImportCommand::Ndjson(args) => return import_ndjson::run(common, args).await,
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(CliError::Runtime)?;
    session::with_workspace(common, |service, ws| async move {
        let request = ImportRequest {
            ws,
            actor: Actor::SYSTEM,
            format,
            files: args.files,
            channel: args.channel.map(|named| channel(&service, ws, &named)).transpose()?,
            status: args.status.into(),
        };
        let importer = Importer {
            handler: service.handler.clone(),
            objects: service.objects.clone(),
            intake: service.ops.intake.clone(),
        };
        let shown = Shown::default();
        let tell = |progress| shown.tell(progress);
        // What is cut off here is whole: a command is accepted or not, and the next attempt asks.
        let report = tokio::select! {
            report = importer.run(request, &tell) => report?,
            _ = tokio::signal::ctrl_c() => return Err(CliError::Interrupted),
            _ = terminate.recv() => return Err(CliError::Interrupted),
        };
        shown.finish();
        describe(&report, common.json)?;
        Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
    .await
}

fn channel(service: &Service, ws: WorkspaceId, named: &str) -> Result<ChannelId, CliError> {
    let directory = service.handler.directory::<Directory>(ws);
    let by_id = named.parse().ok().filter(|id| directory.channel(*id).is_some());
    by_id
        .or_else(|| directory.channel_by_address(named))
        .ok_or_else(|| CliError::Missing { what: "channel", name: named.to_owned() })
}

/// The bar of the present phase.
#[derive(Default)]
struct Shown {
    present: Mutex<Option<(Phase, Progress)>>,
}

impl Shown {
    fn tell(&self, told: channels::import::Progress) {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        if present.as_ref().is_none_or(|(phase, _)| *phase != told.phase) {
            let what = match told.phase {
                Phase::Reading => "bytes read and stored",
                Phase::Writing => "messages written",
            };
            if let Some((_, before)) = present.take() {
                before.finish();
            }
            *present = Some((told.phase, Progress::new(what, told.total)));
        }
        if let Some((_, progress)) = present.as_mut() {
            progress.reach(told.done);
        }
    }

    fn finish(&self) {
        let present = self.present.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, progress)) = present {
            progress.finish();
        }
    }
}

fn describe(report: &Report, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return output::json_line(&json!({
            "messages": report.messages,
            "distinct": report.distinct,
            "tickets_created": report.tickets_created,
            "tickets_joined": report.tickets_joined,
            "copies_kept": report.copies_kept,
            "already_there": report.already_there,
            "unreadable": report.unreadable,
            "attachments": report.attachments,
            "links": report.links,
            "failed": report.failed,
        }));
    }
    let lines = [
        (report.messages, "messages in the files"),
        (report.distinct, "different ones"),
        (report.already_there, "there already"),
        (report.tickets_created, "tickets made"),
        (report.tickets_joined, "tickets that were there got more messages"),
        (report.attachments, "attachments"),
        (report.copies_kept, "differing copies kept"),
        (report.links, "pairs of tickets linked"),
        (report.unreadable, "could not be read and were kept as they came"),
        (report.failed, "could not be imported"),
    ];
    lines
        .iter()
        .filter(|(count, _)| *count > 0)
        .try_for_each(|(count, what)| output::line(&format!("{count:>8} {what}")))?;
    if report.messages == 0 { output::line("No messages found.") } else { Ok(()) }
}
