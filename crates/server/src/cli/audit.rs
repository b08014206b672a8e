//! `audit`: the audit log, the newest first, for the operator (Z02). That it was read, or left as a table, is recorded in it.

use std::process::ExitCode;

use api::{ActorName, AuditBook, AuditEntry, AuditKind, AuditPlace, Kinds};
use clap::Args;
use commands::Directory;
use commands::audit::{RecordAuditRead, RecordExport};
use decider::{CommandId, Timestamp, WorkspaceId};
use events::AuditId;
use events::audit::{ExportFormat, ExportedData};
use projections::audit::Wanted;
use uuid::Uuid;

use super::{CliError, Common, output, session, ticket_lookup};
use crate::service::Service;

/// So many entries are read at a time.
const ENTRIES_AT_A_TIME: u32 = 200;

/// Which entries, and how they are written.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ledgerdesk audit --limit 20\n  \
    ledgerdesk audit --kind UserRoleChanged,RequestRefused --from 2026-03-01T00:00:00Z --csv")]
pub struct AuditArgs {
    /// Only what this actor did, such as user:0190… or system
    #[arg(long)]
    actor: Option<ActorName>,
    /// Only entries of these kinds, with commas between them
    #[arg(long, value_name = "KINDS")]
    kind: Option<Kinds<AuditKind>>,
    /// Only what was recorded at this instant or later
    #[arg(long, value_name = "INSTANT")]
    from: Option<Timestamp>,
    /// Only what was recorded before this instant
    #[arg(long, value_name = "INSTANT")]
    until: Option<Timestamp>,
    /// Only what is about this user, pipeline, property, channel, contact, ticket or erasure
    #[arg(long, value_name = "ID")]
    target: Option<Uuid>,
    /// Only what is about the ticket with this number
    #[arg(long, value_name = "NUMBER")]
    ticket: Option<u64>,
    /// So many entries at most
    #[arg(long)]
    limit: Option<u32>,
    /// As a table for spreadsheets
    #[arg(long)]
    csv: bool,
}

pub async fn run(common: &Common, args: AuditArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    if json && args.csv {
        return Err(CliError::Usage("either --json or --csv"));
    }
    session::with_views(common, |service, ws| async move {
        service.handler.ready(ws).await?;
        let wanted = wanted(&service, ws, &args).await?;
        record(&service, ws, (args.csv, wanted != Wanted::default())).await?;
        session::await_each(&service, ws, &["audit"]).await?;
        let book = AuditBook {
            ws,
            views: service.pools.read.clone(),
            vault: service.vault.clone(),
            ops: service.ops.clone(),
            directory: service.handler.directory::<Directory>(ws),
        };
        let mut left = args.limit.unwrap_or(u32::MAX);
        let (mut place, mut beginning): (Option<AuditPlace>, bool) = (None, true);
        while left > 0 {
            let limit = left.min(ENTRIES_AT_A_TIME);
            let (entries, next) = book.page(&wanted, place, limit).await?;
            write(&entries, (json, args.csv), beginning)?;
            left = left.saturating_sub(limit);
            beginning = false;
            place = next;
            if place.is_none() {
                break;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn wanted(service: &Service, ws: WorkspaceId, args: &AuditArgs) -> Result<Wanted, CliError> {
    let ticket = match args.ticket {
        Some(number) => Some(ticket_lookup::ticket(service, ws, number).await?.0),
        None => None,
    };
    Ok(Wanted {
        actor: args.actor.map(|ActorName(actor)| actor.to_string()),
        kinds: args.kind.as_ref().map(Kinds::names),
        from: args.from.map(Timestamp::as_micros),
        until: args.until.map(Timestamp::as_micros),
        target: args.target,
        ticket,
    })
}

async fn record(
    service: &Service,
    ws: WorkspaceId,
    (csv, filtered): (bool, bool),
) -> Result<(), CliError> {
    let id = Uuid::now_v7();
    let audit_id = AuditId(id);
    if csv {
        let (data, format) = (ExportedData::AuditLog, ExportFormat::Csv);
        let command = RecordExport { audit_id, data, format, filtered, ticket: None };
        service.handle(ws, CommandId(id), command).await?;
    } else {
        service.handle(ws, CommandId(id), RecordAuditRead { audit_id }).await?;
    }
    Ok(())
}

fn write(
    entries: &[AuditEntry],
    (json, csv): (bool, bool),
    beginning: bool,
) -> Result<(), CliError> {
    if csv {
        return output::text(&String::from_utf8_lossy(&api::table_of(entries, beginning)?));
    }
    for entry in entries {
        if json { output::json_line(entry)? } else { output::line(&entry.text())? }
    }
    Ok(())
}
