//! `ticket show`: a ticket as its stream tells it: what it is, what was said, what happened.

use std::process::ExitCode;
use std::sync::Arc;

use api::travel;
use clap::Args;
use commands::Directory;
use decider::{Opened, WorkspaceId};
use events::AnyEvent;
use vault::Vault;

use super::ticket_fold::{Names, Sheet};
use super::{CliError, Common, asking, opened, output, session, ticket_lookup};

/// Which ticket.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ledgerdesk ticket show 1042\n  ledgerdesk ticket show 1042 --as-of version:3\n  \
                        ledgerdesk ticket show 1042 --as-of '2026-03-29T09:00[Europe/Paris]'"
)]
pub struct TicketShowArgs {
    /// The ticket's number
    number: u64,
    /// As it was: an instant, position:123 or version:7 [default: as it is]
    #[arg(long, value_name = "PLACE")]
    as_of: Option<String>,
}

pub async fn run(common: &Common, args: TicketShowArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        service.handler.ready(ws).await?;
        let ticket = ticket_lookup::ticket(&service, ws, args.number).await?;
        let mut stored = service.reader.stream(ws, ticket.0, 0).await?;
        let mut directory = service.handler.directory::<Directory>(ws);
        let mut as_of = None;
        if let Some(place) = &args.as_of {
            let (app, operator) = asking::application(&service, ws, None).await?;
            let moment = travel::moment("--as-of", place)?;
            let then = travel::journey(&app, &operator, ticket, ("--as-of", moment)).await?;
            stored.retain(|event| then.until.includes(event));
            directory = Arc::new(travel::names_at(&app, &operator, &[then.at]).await?);
            as_of = Some(then.shown());
        }
        let mut sheet = Sheet::new(ticket, names(&service.vault, ws, &directory).await?);
        for (event, stored) in opened::events(&service.vault, &stored).await?.iter().zip(&stored) {
            if let AnyEvent::Ticket(event) = event {
                sheet.take_in(event, stored);
            }
        }
        sheet.name_places(&directory);
        sheet.as_of = as_of;
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
    if let Some(as_of) = &sheet.as_of {
        output::line(&format!("  as of     {}", as_of.instant))?;
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
