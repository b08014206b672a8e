//! `export`: events as the event feed tells them, opened for the operator who holds the keys. Drafts are nobody's but their
//! author's, and are left out.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::ExitCode;

use decider::{Event, LogPosition, StoredEvent, Timestamp, Version, WorkspaceId};
use events::audit::ExportFormat;
use events::{AnyEvent, DraftEvent, TicketId};
use serde_json::json;

use super::ExportArgs;
use super::outlet::{self, Outlet};
use crate::cli::{CliError, Common, session, ticket_lookup};
use crate::service::Service;

/// How many events are in memory at once.
const PAGE: u32 = 100;

pub async fn run(common: &Common, args: ExportArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_workspace(common, |service, ws| async move {
        let ticket = match args.ticket {
            Some(number) => Some(ticket_lookup::ticket(&service, ws, number).await?),
            None => None,
        };
        let types = known_types(&args)?;
        let mut outlet = Outlet::open(args.out.as_deref())?;
        super::record(&service, ws, (ExportFormat::Ndjson, args.filters()), ticket).await?;
        // What is written from now on is not in it.
        let head = service.reader.head(ws).await?.position;
        let wanted = Wanted::of(&args, types, head);
        let (mut place, mut events) = (Place::first(&wanted, ticket), 0_u64);
        while let Some(page) = place.next(&service, ws).await? {
            let ended = page.last().is_some_and(|event| wanted.ends_before(event));
            let page: Vec<StoredEvent> =
                page.into_iter().filter(|event| wanted.holds(event)).collect();
            for event in api::whole_events(&service.vault, ws, page).await? {
                let mut line = serde_json::to_vec(&event)?;
                line.push(b'\n');
                outlet.write_all(&line).map_err(CliError::Export)?;
                events += 1;
            }
            if ended {
                break;
            }
        }
        outlet.finish()?;
        let told = json!({ "workspace": ws.0, "events": events });
        outlet::tell(args.out.as_deref(), (json, &told), &format!("{events} events"))?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Which events are wanted.
struct Wanted {
    from: LogPosition,
    to: LogPosition,
    since: Option<Timestamp>,
    before: Option<Timestamp>,
    types: BTreeSet<String>,
}

impl Wanted {
    fn of(args: &ExportArgs, types: BTreeSet<String>, head: LogPosition) -> Self {
        Self {
            from: LogPosition(args.from.unwrap_or(1).max(1)),
            to: LogPosition(args.to.unwrap_or(u64::MAX).min(head.0)),
            since: args.since,
            before: args.before,
            types,
        }
    }

    fn holds(&self, event: &StoredEvent) -> bool {
        event.kind != DraftEvent::KIND
            && (self.from..=self.to).contains(&event.position)
            && self.since.is_none_or(|since| event.at >= since)
            && self.before.is_none_or(|before| event.at < before)
            && (self.types.is_empty() || self.types.contains(&event.type_name))
    }

    /// Whether nothing that is wanted comes behind this event.
    fn ends_before(&self, event: &StoredEvent) -> bool {
        event.position >= self.to || self.before.is_some_and(|before| event.at >= before)
    }
}

/// The types that were asked for; one that nobody knows is a mistake.
fn known_types(args: &ExportArgs) -> Result<BTreeSet<String>, CliError> {
    let known = |name: &str| {
        let mut types = AnyEvent::KINDS.iter().flat_map(|(_, types)| types.iter());
        types.any(|one| one.name == name)
    };
    match args.types.iter().find(|name| !known(name)) {
        Some(name) => Err(CliError::Missing { what: "event type", name: name.clone() }),
        None => Ok(args.types.iter().cloned().collect()),
    }
}

/// Where the next page begins.
enum Place {
    Log(LogPosition),
    Ticket(TicketId, Version),
}

impl Place {
    fn first(wanted: &Wanted, ticket: Option<TicketId>) -> Self {
        let before = LogPosition(wanted.from.0.saturating_sub(1));
        ticket.map_or(Self::Log(before), |ticket| Self::Ticket(ticket, 0))
    }

    /// The events of the next page; none behind the last one.
    async fn next(
        &mut self,
        service: &Service,
        ws: WorkspaceId,
    ) -> Result<Option<Vec<StoredEvent>>, CliError> {
        let page = match self {
            Self::Log(after) => service.reader.after(ws, *after, PAGE).await?,
            Self::Ticket(ticket, after) => {
                service.reader.stream_page(ws, ticket.0, *after, PAGE).await?
            }
        };
        let Some(last) = page.last() else { return Ok(None) };
        match self {
            Self::Log(after) => *after = last.position,
            Self::Ticket(_, after) => *after = last.version,
        }
        Ok(Some(page))
    }
}
