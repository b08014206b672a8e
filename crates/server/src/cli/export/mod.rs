//! `export`: the log as a file. Opened and filtered, for reading and for other programs; or sealed, row for row, for a replica.

mod opened;
mod outlet;
mod sealed;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use commands::audit::RecordExport;
use decider::{CommandId, Timestamp, WorkspaceId};
use events::audit::{ExportFormat, ExportedData};
use events::{AuditId, TicketId};
use uuid::Uuid;

use super::{CliError, Common};
use crate::service::Service;

/// What is exported, and where to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ledgerdesk export --ticket 1042 > ticket.ndjson\n  \
    ledgerdesk export --type TicketCreated,TicketTrashed --since 2026-01-01T00:00:00Z --out year.ndjson\n  \
    ledgerdesk export --sealed --with-keys --out replica.ndjson\n\n\
    One JSON document per line. Opened, it holds what people wrote: what was erased reads as erased, drafts are not in it. \
    Sealed, it can be taken in elsewhere with `ledgerdesk import ndjson`, with the same positions and hashes; what is \
    personal stays closed without the key file.")]
pub struct ExportArgs {
    /// Every row exactly as it is stored, for a replica
    #[arg(long, conflicts_with_all = ["since", "before", "types", "ticket"])]
    sealed: bool,
    /// The keys too, still wrapped by the key file: without them nothing sealed can be read where this is taken in
    #[arg(long, requires = "sealed")]
    with_keys: bool,
    /// From this position on (sealed: from the commit that holds it)
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Up to this position (sealed: to the end of the commit that holds it)
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// Only what was recorded at this instant or later
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
    /// Only what was recorded before this instant
    #[arg(long, value_name = "INSTANT")]
    before: Option<Timestamp>,
    /// Only events of these types, with commas between them
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',')]
    types: Vec<String>,
    /// Only events of the ticket with this number
    #[arg(long, value_name = "NUMBER")]
    ticket: Option<u64>,
    /// Write to this file, which has its name once it is whole
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub async fn run(common: &Common, args: ExportArgs) -> Result<ExitCode, CliError> {
    if args.sealed { sealed::run(common, args).await } else { opened::run(common, args).await }
}

impl ExportArgs {
    /// Whether something is left out.
    fn filters(&self) -> bool {
        let Self { from, to, since, before, types, ticket, .. } = self;
        from.is_some()
            || to.is_some()
            || since.is_some()
            || before.is_some()
            || !types.is_empty()
            || ticket.is_some()
    }
}

/// That data leave is recorded before the first byte does (Z02).
async fn record(
    service: &Service,
    ws: WorkspaceId,
    (format, filtered): (ExportFormat, bool),
    ticket: Option<TicketId>,
) -> Result<(), CliError> {
    let (id, data) = (Uuid::now_v7(), ExportedData::Workspace);
    let command = RecordExport { audit_id: AuditId(id), data, format, filtered, ticket };
    service.handle(ws, CommandId(id), command).await?;
    Ok(())
}
