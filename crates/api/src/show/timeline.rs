//! Lines of a timeline as they are shown (T20).

use std::str::FromStr;

use commands::ticket::undo::{History, Standing};
use decider::{Actor, LogPosition, Timestamp, Version};
use events::TicketId;
use projections::timeline::EntryRow;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::facts::Fact;
use super::opening::open_all;
use super::people::{ActorShown, Wanted, spoken};
use super::sentences::{Teller, Told};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::export::Line;
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
    /// The event that led to it; null for what somebody did.
    cause: Option<Uuid>,
    /// The command that wrote it: lines of one action have the same.
    command_id: Uuid,
    /// The API token that was used.
    token: Option<Uuid>,
    /// The position of the event that it took back.
    undoes: Option<String>,
    /// The position of the event by which it was taken back.
    undone_by: Option<String>,
    /// Whether the caller can take it back now (`POST /tickets/{id}/undo`), as far as later events decide; the rules of the
    /// ticket may still refuse.
    undoable: bool,
}

/// Shows lines of one ticket.
pub async fn show(
    app: &App,
    caller: &Caller,
    (ticket, names): (TicketId, &Names),
    (rows, history): (Vec<EntryRow>, &History),
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
    // A write always starts from the present.
    let edits = names.at.is_none() && caller.scope.has(access::Right::TicketsEdit);
    let lines = rows.into_iter().zip(&facts).map(|(row, fact)| {
        let Told { summary, from, to, item } = teller.tell(fact);
        let undoes = row.undoes.map(|position| position.to_string());
        let summary = match &undoes {
            Some(position) => format!("Undid {position}: {summary}"),
            None => summary,
        };
        let standing = history.standing(place(row.position));
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
            command_id: row.command,
            token: row.token,
            undoes,
            undone_by: match standing {
                Standing::Undone(by) => Some(by.to_string()),
                Standing::Undoable
                | Standing::Blocked(_)
                | Standing::NotReversible
                | Standing::Unknown => None,
            },
            undoable: edits && standing == Standing::Undoable && !fact.replaced_what_was_erased(),
        }
    });
    Ok(lines.collect())
}

/// How a line stands in a table.
impl Line for TimelineEntry {
    const COLUMNS: &'static [&'static str] = &[
        "position",
        "version",
        "at",
        "occurred_at",
        "actor_kind",
        "actor_id",
        "actor_name",
        "kind",
        "summary",
        "from",
        "to",
        "item_id",
        "cause",
        "command_id",
        "token",
        "undoes",
        "undone_by",
    ];

    fn cells(&self) -> Vec<String> {
        let json = |value: &Option<Value>| value.as_ref().map(Value::to_string);
        let id = |id: Option<Uuid>| id.map(|id| id.to_string());
        let name = self.actor.name.as_ref();
        let cells = [
            Some(self.position.clone()),
            Some(self.version.to_string()),
            Some(self.at.clone()),
            Some(self.occurred_at.clone()),
            Some(self.actor.kind.to_owned()),
            id(self.actor.id),
            name.map(|name| spoken(Some(name)).to_owned()),
            Some(self.kind.clone()),
            Some(self.summary.clone()),
            json(&self.from),
            json(&self.to),
            id(self.item_id),
            id(self.cause),
            Some(self.command_id.to_string()),
            id(self.token),
            self.undoes.clone(),
            self.undone_by.clone(),
        ];
        cells.into_iter().map(Option::unwrap_or_default).collect()
    }
}

fn place(position: i64) -> LogPosition {
    LogPosition(u64::try_from(position).unwrap_or_default())
}

fn actor(row: &EntryRow) -> Actor {
    Actor::from_str(&row.actor).unwrap_or(Actor::SYSTEM)
}
