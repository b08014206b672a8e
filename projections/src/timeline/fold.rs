//! The fold of the timeline.

use decider::{DecodeError, LogPosition, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::row_set;
use events::message::{Direction, MessageContent};
use events::ticket::CommentAdded;
use events::{TicketEvent, decode_stored};
use serde::Serialize;
use serde_json::{Value, json};

use super::EntryRow;
use crate::kinds::passed_over;

row_set! {
    /// The table of the timeline.
    pub struct TimelineRows { entries: EntryRow }
}

/// What happened to tickets.
pub struct Timeline;

impl Projection for Timeline {
    const NAME: &'static str = "timeline";
    const VERSION: u32 = 2;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = TicketEvent;
    type Rows = TimelineRows;

    fn decode(stored: &StoredEvent) -> Result<Option<TicketEvent>, DecodeError> {
        match stored.kind.as_str() {
            "ticket" => decode_stored(stored).map(Some),
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, TicketEvent>, keys: &mut Keys<'_>) {
        keys.new_row::<EntryRow>((event.stream, position(event)));
    }

    fn apply(event: &Stored<'_, TicketEvent>, rows: &mut TimelineRows) -> Result<(), ApplyError> {
        rows.entries.insert(EntryRow {
            ticket: event.stream,
            position: position(event),
            version: i32::try_from(event.version).unwrap_or(i32::MAX),
            at: event.at.as_micros(),
            occurred_at: event.occurred_at.as_micros(),
            actor: event.actor.to_string(),
            kind: event.type_name.clone(),
            data: Json(facts(event.data)?),
            cause: event.context.causation,
            command: event.command.0,
            token: event.context.token,
            undoes: event.context.undoes.map(signed),
        })
    }
}

/// The facts of an event without its bulk: no bodies, no object references.
fn facts(event: &TicketEvent) -> Result<Value, ApplyError> {
    match event {
        TicketEvent::Created(created) => whole(created),
        TicketEvent::Renamed(renamed) => whole(renamed),
        TicketEvent::StatusChanged(changed) => whole(changed),
        TicketEvent::PriorityChanged(changed) => whole(changed),
        TicketEvent::CategoryChanged(changed) => whole(changed),
        TicketEvent::OwnerChanged(changed) => whole(changed),
        TicketEvent::TagsChanged(changed) => whole(changed),
        TicketEvent::PropertiesSet(set) => whole(set),
        TicketEvent::ContactAssociated(associated) => whole(associated),
        TicketEvent::ContactDissociated(dissociated) => whole(dissociated),
        TicketEvent::PrimaryContactChanged(changed) => whole(changed),
        TicketEvent::ConversationStarted(started) => whole(started),
        TicketEvent::ConversationEnded(ended) => whole(ended),
        TicketEvent::MessageReceived(received) => {
            message(&received.message, Direction::Incoming, None)
        }
        TicketEvent::MessageImported(imported) => {
            message(&imported.message, imported.direction, None)
        }
        TicketEvent::ReplySubmitted(reply) => {
            let mut facts =
                message(&reply.message, Direction::Outgoing, reply.status.map(|id| id.0))?;
            facts["delivery"] = whole(&reply.delivery)?;
            facts["in_reply_to"] = whole(&reply.in_reply_to)?;
            Ok(facts)
        }
        TicketEvent::CommentAdded(added) => comment(added),
        TicketEvent::MessageRedacted(redacted) => Ok(json!({
            "id": redacted.message.id,
            "parts": whole(&redacted.parts)?,
            "erasure": redacted.erasure,
        })),
        TicketEvent::CommentRedacted(redacted) => Ok(json!({
            "id": redacted.comment.comment,
            "parts": whole(&redacted.parts)?,
            "erasure": redacted.erasure,
        })),
        TicketEvent::MessageCopyKept(kept) => Ok(json!({ "message": kept.message })),
        TicketEvent::RawMessageKept(kept) => Ok(json!({ "channel": kept.channel })),
        TicketEvent::Linked(linked) => whole(linked),
        TicketEvent::Unlinked(unlinked) => whole(unlinked),
    }
}

fn whole(payload: &impl Serialize) -> Result<Value, ApplyError> {
    serde_json::to_value(payload)
        .map_err(|_| ApplyError::Unexpected("an event cannot be written as JSON"))
}

fn message(
    content: &MessageContent,
    direction: Direction,
    status: Option<uuid::Uuid>,
) -> Result<Value, ApplyError> {
    whole(&json!({
        "id": content.id,
        "direction": whole(&direction)?,
        "channel": content.channel,
        "author": whole(&content.author)?,
        "subject": whole(&content.subject)?,
        "preview": whole(&content.preview)?,
        "attachments": content.attachments.len(),
        "automatic": whole(&content.automatic)?,
        "status": status,
    }))
}

fn comment(added: &CommentAdded) -> Result<Value, ApplyError> {
    whole(&json!({
        "id": added.comment,
        "preview": whole(&added.preview)?,
        "mentions": added.mentions,
        "attachments": added.attachments.len(),
    }))
}

fn position(event: &StoredEvent) -> i64 {
    signed(event.position)
}

fn signed(position: LogPosition) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
