//! Lines of a timeline as they are shown (T20).

use std::str::FromStr;

use decider::{Actor, Timestamp, Version};
use events::TicketId;
use projections::timeline::EntryRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::facts::Fact;
use super::opening::open_all;
use super::people::{ActorShown, Wanted};
use super::sentences::{Teller, Told};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::travel::Names;

/// One event of a ticket, as a line.
#[derive(Serialize, ToSchema)]
pub struct TimelineEntry {
    /// Its place in the log.
    position: String,
    /// Its place in the ticket.
    version: Version,
    /// When it was recorded.
    #[schema(format = DateTime)]
    at: String,
    /// When it happened: earlier than `at` for imported history.
    #[schema(format = DateTime)]
    occurred_at: String,
    /// Who did it.
    actor: ActorShown,
    /// The stored type of the event, such as `StatusChanged`.
    kind: String,
    /// A sentence.
    summary: String,
    /// The value before.
    #[schema(value_type = Option<Value>)]
    from: Option<Value>,
    /// The value after.
    #[schema(value_type = Option<Value>)]
    to: Option<Value>,
    /// The message or comment it is about.
    item_id: Option<Uuid>,
    /// The command or event that led to it.
    cause: Option<Uuid>,
}

/// Shows lines of one ticket.
pub async fn show(
    app: &App,
    caller: &Caller,
    (ticket, names): (TicketId, &Names),
    rows: Vec<EntryRow>,
) -> Result<Vec<TimelineEntry>, ApiError> {
    let facts = rows.iter().map(Fact::read).collect::<Result<Vec<_>, _>>();
    let mut facts = facts.map_err(ApiError::failed)?;
    let tombs = open_all(app, caller, ticket.0, &mut facts).await?;
    let mut wanted = Wanted::default();
    for (row, fact) in rows.iter().zip(&facts) {
        wanted.actor(actor(row));
        fact.want(&mut wanted);
    }
    let people = wanted.find_with(app, caller, names).await?;
    let teller = Teller { people: &people, directory: &names.directory, tombs: &tombs };
    let lines = rows.into_iter().zip(&facts).map(|(row, fact)| {
        let Told { summary, from, to, item } = teller.tell(fact);
        TimelineEntry {
            position: row.position.to_string(),
            version: Version::try_from(row.version).unwrap_or_default(),
            at: Timestamp::from_micros(row.at).to_string(),
            occurred_at: Timestamp::from_micros(row.occurred_at).to_string(),
            actor: people.actor(actor(&row)),
            kind: row.kind,
            summary,
            from,
            to,
            item_id: item,
            cause: row.cause,
        }
    });
    Ok(lines.collect())
}

fn actor(row: &EntryRow) -> Actor {
    Actor::from_str(&row.actor).unwrap_or(Actor::SYSTEM)
}
