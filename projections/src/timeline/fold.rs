//! The fold of the timeline.

use decider::{DecodeError, LogPosition, Sealed, StoredEvent};
use event_store::projection::{ApplyError, JsonText, Keys, Projection, Stored};
use event_store::row_set;
use events::message::{Automatic, Direction, MessageAuthor, MessageContent};
use events::ticket::RedactedPart;
use events::value::Delivery;
use events::{
    ChannelId, CommentId, ErasureId, MessageId, StatusId, TicketEvent, UserId, decode_stored,
};
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

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
            data: facts(event.data)?,
            cause: event.context.causation,
            command: event.command.0,
            token: event.context.token,
            undoes: event.context.undoes.map(signed),
        })
    }
}

/// The facts of an event without its bulk: no bodies, no object references.
fn facts(event: &TicketEvent) -> Result<JsonText, ApplyError> {
    match event {
        TicketEvent::Created(created) => written(created),
        TicketEvent::Renamed(renamed) => written(renamed),
        TicketEvent::StatusChanged(changed) => written(changed),
        TicketEvent::PriorityChanged(changed) => written(changed),
        TicketEvent::CategoryChanged(changed) => written(changed),
        TicketEvent::OwnerChanged(changed) => written(changed),
        TicketEvent::TagsChanged(changed) => written(changed),
        TicketEvent::PropertiesSet(set) => written(set),
        TicketEvent::ContactAssociated(associated) => written(associated),
        TicketEvent::ContactDissociated(dissociated) => written(dissociated),
        TicketEvent::PrimaryContactChanged(changed) => written(changed),
        TicketEvent::ConversationStarted(started) => written(started),
        TicketEvent::ConversationEnded(ended) => written(ended),
        TicketEvent::MessageReceived(received) => {
            written(&MessageFacts::of(&received.message, Direction::Incoming))
        }
        TicketEvent::MessageImported(imported) => {
            written(&MessageFacts::of(&imported.message, imported.direction))
        }
        TicketEvent::ReplySubmitted(reply) => written(&MessageFacts {
            status: reply.status,
            reply: Some(ReplyFacts { delivery: &reply.delivery, in_reply_to: &reply.in_reply_to }),
            ..MessageFacts::of(&reply.message, Direction::Outgoing)
        }),
        TicketEvent::CommentAdded(added) => written(&CommentFacts {
            id: added.comment,
            preview: &added.preview,
            mentions: &added.mentions,
            attachments: added.attachments.len(),
        }),
        TicketEvent::MessageRedacted(redacted) => written(&RedactedFacts {
            id: redacted.message.id.0,
            parts: &redacted.parts,
            erasure: redacted.erasure,
        }),
        TicketEvent::CommentRedacted(redacted) => written(&RedactedFacts {
            id: redacted.comment.comment.0,
            parts: &redacted.parts,
            erasure: redacted.erasure,
        }),
        TicketEvent::MessageCopyKept(kept) => written(&json!({ "message": kept.message })),
        TicketEvent::RawMessageKept(kept) => written(&json!({ "channel": kept.channel })),
        TicketEvent::Linked(linked) => written(linked),
        TicketEvent::Unlinked(unlinked) => written(unlinked),
    }
}

/// Written at once: a tree of values in between would be most of the work of the fold.
fn written(facts: &impl Serialize) -> Result<JsonText, ApplyError> {
    JsonText::of(facts).map_err(|_| ApplyError::Unexpected("an event cannot be written as JSON"))
}

#[derive(Serialize)]
struct MessageFacts<'a> {
    id: MessageId,
    direction: Direction,
    channel: Option<ChannelId>,
    author: Option<MessageAuthor>,
    subject: &'a Sealed<String>,
    preview: &'a Sealed<String>,
    attachments: usize,
    automatic: Option<Automatic>,
    status: Option<StatusId>,
    #[serde(flatten)]
    reply: Option<ReplyFacts<'a>>,
}

#[derive(Serialize)]
struct ReplyFacts<'a> {
    delivery: &'a Delivery,
    in_reply_to: &'a Option<MessageId>,
}

#[derive(Serialize)]
struct CommentFacts<'a> {
    id: CommentId,
    preview: &'a Sealed<String>,
    mentions: &'a [UserId],
    attachments: usize,
}

#[derive(Serialize)]
struct RedactedFacts<'a> {
    id: Uuid,
    parts: &'a [RedactedPart],
    erasure: ErasureId,
}

impl<'a> MessageFacts<'a> {
    const fn of(content: &'a MessageContent, direction: Direction) -> Self {
        Self {
            id: content.id,
            direction,
            channel: content.channel,
            author: content.author,
            subject: &content.subject,
            preview: &content.preview,
            attachments: content.attachments.len(),
            automatic: content.automatic,
            status: None,
            reply: None,
        }
    }
}

fn position(event: &StoredEvent) -> i64 {
    signed(event.position)
}

fn signed(position: LogPosition) -> i64 {
    i64::try_from(position.0).unwrap_or(i64::MAX)
}
