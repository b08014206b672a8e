//! `ticket show`: a ticket as its stream tells it: what it is, what was said, what happened.

use std::process::ExitCode;

use clap::Args;
use commands::Directory;
use decider::{Opened, WorkspaceId};
use events::AnyEvent;
use vault::Vault;

use super::ticket_fold::{Names, Sheet};
use super::{CliError, Common, opened, output, session, ticket_lookup};

/// Which ticket.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk ticket show 1042")]
pub struct TicketShowArgs {
    /// The ticket's number
    number: u64,
}

pub async fn run(common: &Common, args: TicketShowArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        service.handler.ready(ws).await?;
        let ticket = ticket_lookup::ticket(&service, ws, args.number).await?;
        let stored = service.reader.stream(ws, ticket.0, 0).await?;
        let directory = service.handler.directory::<Directory>(ws);
        let mut sheet = Sheet::new(ticket, names(&service.vault, ws, &directory).await?);
        for (event, stored) in opened::events(&service.vault, &stored).await?.iter().zip(&stored) {
            if let AnyEvent::Ticket(event) = event {
                sheet.take_in(event, stored);
            }
        }
        sheet.name_places(&directory);
        if json {
            output::json_line(&sheet)?
        } else {
            describe(&sheet)?
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn names(vault: &Vault, ws: WorkspaceId, directory: &Directory) -> Result<Names, CliError> {
    let mut names = Names::new();
    for (id, user) in directory.users() {
        if let Opened::Open(name) = vault.open_sealed(ws, id.0, "name", &user.name).await? {
            names.insert(id.0, name);
        }
    }
    Ok(names)
}

fn describe(sheet: &Sheet) -> Result<(), CliError> {
    output::line(&format!("Ticket {}: {}", sheet.number, sheet.name))?;
    let facts = [
        ("status", Some(&sheet.status)),
        ("pipeline", Some(&sheet.pipeline)),
        ("priority", Some(&sheet.priority)),
        ("category", sheet.category.as_ref()),
        ("owner", sheet.owner.as_ref()),
        ("source", Some(&sheet.source)),
    ];
    for (label, fact) in facts.iter().filter_map(|(label, fact)| Some((label, (*fact)?))) {
        output::line(&format!("  {label:<9} {fact}"))?;
    }
    if !sheet.tags.is_empty() {
        let tags: Vec<_> = sheet.tags.iter().map(String::as_str).collect();
        output::line(&format!("  tags      {}", tags.join(", ")))?;
    }
    output::line(&format!("  version   {} at position {}", sheet.version, sheet.position))?;
    output::line(&format!("\nThread ({})", sheet.thread.len()))?;
    for item in &sheet.thread {
        output::line(&format!("  {}  {:<8} {}", item.at, item.kind, item.from))?;
        if let Some(subject) = &item.subject {
            output::line(&format!("    {subject}"))?;
        }
        output::line(&format!("    {}", item.preview.replace('\n', " ")))?;
    }
    output::line(&format!("\nTimeline ({})", sheet.timeline.len()))?;
    sheet.timeline.iter().try_for_each(|entry| {
        output::line(&format!(
            "{:>8}  {}  {:<24} by {}",
            entry.position, entry.at, entry.kind, entry.actor
        ))
    })
}
