//! What happened to a ticket between two places: what it is now that it was not, who made it so, and what was said (Z04).

use std::collections::BTreeMap;

use commands::Directory;
use decider::{Actor, Event as _, LogPosition, Sealed, StoredEvent, Timestamp};
use event_store::log::Stretch;
use events::message::{Direction, MessageAuthor, MessageContent};
use events::{PropertyId, TicketEvent, decode_stored};
use projections::effect::MESSAGES;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::opening::{Slots, Tombs, Visit, open_all};
use super::people::{ActorShown, Wanted};
use super::ticket::show_with;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::opened::Shown;
use crate::travel::{AsOfShown, Changes, Journey, Names};

/// So many messages and comments are shown.
const ADDED_MAX: u32 = 200;
/// What was said, as far as people read it.
const READ: [&str; 4] = [MESSAGES[0], MESSAGES[1], MESSAGES[2], "CommentAdded"];

/// A ticket at two places.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketDiff {
    /// The ticket.
    id: Uuid,
    /// Its number.
    number: u64,
    /// The earlier place.
    from: AsOfShown,
    /// The later place.
    to: AsOfShown,
    /// What is different, in the order in which it got its last value.
    changes: Vec<PropertyDiff>,
    /// Messages and comments that came, the first two hundred, oldest first.
    added: Vec<AddedItem>,
    /// How many came.
    added_count: u64,
}

/// A property that is different.
#[derive(Debug, Serialize, ToSchema)]
struct PropertyDiff {
    /// Its name as the ticket has it; of a custom property `properties.` and its key.
    property: String,
    /// The value at the earlier place, as the ticket shows it.
    #[schema(value_type = Option<Value>)]
    from: Value,
    /// The value at the later place.
    #[schema(value_type = Option<Value>)]
    to: Value,
    /// Who gave it this value.
    by: ActorShown,
    /// When that happened.
    #[schema(format = DateTime)]
    at: String,
    /// The event.
    position: String,
    /// How often it changed between the two places.
    times: u32,
}

/// A message or comment that came.
#[derive(Debug, Serialize, ToSchema)]
struct AddedItem {
    /// Its id.
    id: Uuid,
    /// `message` or `comment`.
    kind: &'static str,
    /// `in` or `out`; null for a comment.
    direction: Option<&'static str>,
    /// Who wrote it.
    author: ActorShown,
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
    /// Its place in the log.
    position: String,
    /// The subject of a message.
    subject: Option<Shown<String>>,
    /// The beginning of its text.
    preview: Shown<String>,
}

/// Compares a ticket at two places.
pub async fn compare(
    app: &App,
    caller: &Caller,
    from: Journey,
    to: Journey,
) -> Result<TicketDiff, ApiError> {
    let (id, number) = (to.ticket.id, to.ticket.live.number);
    let names = Names::of(app, caller, Some(to.at)).await?;
    let last = last_changes(app, caller, (&from, &to), &names.directory).await?;
    let whose = (caller.ws, id.0);
    let between = (from.said(), to.said());
    let (said, added_count) = app.reader().stream_between(whose, &READ, between, ADDED_MAX).await?;
    let mut said = said.iter().map(Said::of).collect::<Result<Vec<_>, _>>()?;
    let tombs = open_all(app, caller, id.0, &mut said).await?;
    let mut wanted = Wanted::default();
    last.values().for_each(|change| wanted.actor(change.actor));
    said.iter().for_each(|item| wanted.actor(item.author));
    let people = wanted.find_current(app, caller, &names).await?;
    let (from_shown, to_shown) = (from.shown(), to.shown());
    let names_then = Names::of(app, caller, Some(from.at)).await?;
    let before = as_json(&show_with(app, caller, from.ticket, &names_then).await?)?;
    let after = as_json(&show_with(app, caller, to.ticket, &names).await?)?;
    let mut changes: Vec<(LogPosition, PropertyDiff)> = Vec::new();
    for (property, change) in last {
        let (from, to) = (value_of(&before, &property), value_of(&after, &property));
        if from != to {
            let by = people.actor(change.actor);
            let (at, position) = (change.at.to_string(), change.position.to_string());
            let times = change.times;
            changes.push((
                change.position,
                PropertyDiff { property, from, to, by, at, position, times },
            ));
        }
    }
    changes.sort_by_key(|(position, _)| *position);
    Ok(TicketDiff {
        id: id.0,
        number,
        from: from_shown,
        to: to_shown,
        changes: changes.into_iter().map(|(_, change)| change).collect(),
        added: said.iter().map(|item| item.shown(people.actor(item.author), &tombs)).collect(),
        added_count,
    })
}

/// The last event that changed a property, and how many did.
struct LastChange {
    actor: Actor,
    at: Timestamp,
    position: LogPosition,
    times: u32,
}

async fn last_changes(
    app: &App,
    caller: &Caller,
    (from, to): (&Journey, &Journey),
    directory: &Directory,
) -> Result<BTreeMap<String, LastChange>, ApiError> {
    let (after, until) = (from.changed_in, to.changed_in);
    let stretch = Stretch { ws: caller.ws, stream: to.ticket.id.0, after, to: until };
    let mut last: BTreeMap<String, LastChange> = BTreeMap::new();
    let mut pages = Changes::of(app, stretch);
    while let Some(events) = pages.next().await? {
        for stored in &events {
            let event: TicketEvent = decode_stored(stored).map_err(ApiError::failed)?;
            for property in changed_by(&event, directory) {
                let times = last.get(&property).map_or(0, |known| known.times) + 1;
                let (actor, at, position) = (stored.actor, stored.occurred_at, stored.position);
                last.insert(property, LastChange { actor, at, position, times });
            }
        }
    }
    Ok(last)
}

/// The properties that an event gives another value, by the names that the ticket has for them.
fn changed_by(event: &TicketEvent, directory: &Directory) -> Vec<String> {
    let key = |id: PropertyId| {
        let known = directory.property(id).map(|known| known.key.clone());
        format!("properties.{}", known.unwrap_or_else(|| id.to_string()))
    };
    let names: &[&str] = match event {
        TicketEvent::PropertiesSet(set) => {
            return set.changes.iter().map(|change| key(change.property)).collect();
        }
        TicketEvent::Renamed(_) => &["name"],
        TicketEvent::StatusChanged(changed) if changed.from.pipeline != changed.to.pipeline => {
            &["pipeline", "status"]
        }
        TicketEvent::StatusChanged(_) => &["status"],
        TicketEvent::PriorityChanged(_) => &["priority"],
        TicketEvent::CategoryChanged(_) => &["category"],
        TicketEvent::OwnerChanged(_) => &["owner"],
        TicketEvent::TagsChanged(_) => &["tags"],
        TicketEvent::ContactAssociated(_)
        | TicketEvent::ContactDissociated(_)
        | TicketEvent::PrimaryContactChanged(_) => &["contacts"],
        TicketEvent::ConversationStarted(_) | TicketEvent::ConversationEnded(_) => {
            &["has_conversation"]
        }
        TicketEvent::Linked(_) | TicketEvent::Unlinked(_) => &["links"],
        TicketEvent::Created(_)
        | TicketEvent::MessageReceived(_)
        | TicketEvent::ReplySubmitted(_)
        | TicketEvent::CommentAdded(_)
        | TicketEvent::MessageRedacted(_)
        | TicketEvent::CommentRedacted(_)
        | TicketEvent::MessageImported(_)
        | TicketEvent::MessageCopyKept(_)
        | TicketEvent::RawMessageKept(_) => &[],
    };
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn as_json(shown: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(shown).map_err(ApiError::failed)
}

fn value_of(ticket: &Value, property: &str) -> Value {
    match property.strip_prefix("properties.") {
        Some(key) => ticket["properties"][key].clone(),
        None => ticket[property].clone(),
    }
}

/// A message or comment, as far as a line about it needs.
struct Said {
    id: Uuid,
    direction: Option<&'static str>,
    author: Actor,
    at: Timestamp,
    position: LogPosition,
    subject: Option<Sealed<String>>,
    preview: Sealed<String>,
}

impl Said {
    fn of(stored: &StoredEvent) -> Result<Self, ApiError> {
        let (name, version) = (&stored.type_name, stored.schema_version);
        let event = TicketEvent::decode(name, version, &stored.payload);
        match event.map_err(ApiError::failed)? {
            TicketEvent::ReplySubmitted(reply) => Ok(Self::message(stored, reply.message, "out")),
            TicketEvent::MessageReceived(received) => {
                Ok(Self::message(stored, received.message, "in"))
            }
            TicketEvent::MessageImported(imported) => {
                let direction = match imported.direction {
                    Direction::Incoming => "in",
                    Direction::Outgoing => "out",
                };
                Ok(Self::message(stored, imported.message, direction))
            }
            TicketEvent::CommentAdded(comment) => Ok(Self {
                id: comment.comment.0,
                direction: None,
                author: stored.actor,
                at: stored.occurred_at,
                position: stored.position,
                subject: None,
                preview: comment.preview,
            }),
            // The four above are all that is read.
            _ => Err(ApiError::not_found()),
        }
    }

    fn message(stored: &StoredEvent, message: MessageContent, direction: &'static str) -> Self {
        let author = match message.author {
            Some(MessageAuthor::User(user)) => Actor::user(user.0),
            Some(MessageAuthor::Contact(contact)) => {
                Actor { kind: decider::ActorKind::Contact, id: contact.0 }
            }
            None => stored.actor,
        };
        Self {
            id: message.id.0,
            direction: Some(direction),
            author,
            at: stored.occurred_at,
            position: stored.position,
            subject: Some(message.subject),
            preview: message.preview,
        }
    }

    fn shown(&self, author: ActorShown, tombs: &Tombs) -> AddedItem {
        AddedItem {
            id: self.id,
            kind: if self.direction.is_some() { "message" } else { "comment" },
            direction: self.direction,
            author,
            at: self.at.to_string(),
            position: self.position.to_string(),
            subject: self.subject.as_ref().map(|subject| tombs.shown(subject)),
            preview: tombs.shown(&self.preview),
        }
    }
}

impl Slots for Said {
    fn visit(&mut self, visit: Visit<'_>) {
        match &mut self.subject {
            Some(subject) => {
                visit("message.subject", subject);
                visit("message.preview", &mut self.preview);
            }
            None => visit("comment.preview", &mut self.preview),
        }
    }
}
