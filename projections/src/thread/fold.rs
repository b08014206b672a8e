//! The fold of the thread.

use decider::{Actor, ActorKind, DecodeError, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::row_set;
use events::message::{Direction, MessageAuthor, MessageContent, ObjectRef};
use events::ticket::{CommentAdded, RedactedPart, ReplySubmitted};
use events::{TicketEvent, decode_stored};
use uuid::Uuid;

use super::{CommentContent, CopyRow, ItemContent, ItemRow, Redacted};
use crate::kinds::{passed_over, word};

row_set! {
    /// The tables of the thread.
    pub struct ThreadRows { items: ItemRow, copies: CopyRow }
}

/// Messages and comments of tickets.
pub struct Thread;

impl Projection for Thread {
    const NAME: &'static str = "thread";
    const VERSION: u32 = 2;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = TicketEvent;
    type Rows = ThreadRows;

    fn decode(stored: &StoredEvent) -> Result<Option<TicketEvent>, DecodeError> {
        match stored.kind.as_str() {
            "ticket" => decode_stored(stored).map(Some),
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, TicketEvent>, keys: &mut Keys<'_>) {
        match written(event.data) {
            Written::Item(item) => keys.new_row::<ItemRow>((event.stream, item)),
            Written::Copy => keys.new_row::<CopyRow>((event.stream, position(event))),
            Written::Nothing => {}
        }
    }

    fn apply(event: &Stored<'_, TicketEvent>, rows: &mut ThreadRows) -> Result<(), ApplyError> {
        match event.data {
            TicketEvent::MessageReceived(received) => {
                rows.items.insert(message(event, &received.message, Direction::Incoming))
            }
            TicketEvent::MessageImported(imported) => {
                let row = message(event, &imported.message, imported.direction);
                rows.items.insert(ItemRow { imported: true, ..row })
            }
            TicketEvent::ReplySubmitted(submitted) => rows.items.insert(reply(event, submitted)),
            TicketEvent::CommentAdded(added) => rows.items.insert(comment(event, added)),
            TicketEvent::MessageRedacted(redacted) => {
                let content = ItemContent::Message(Box::new(redacted.message.clone()));
                redact(event, redacted.message.id.0, (content, &redacted.parts), rows)
            }
            TicketEvent::CommentRedacted(redacted) => {
                let content = ItemContent::Comment(Box::new(comment_content(&redacted.comment)));
                redact(event, redacted.comment.comment.0, (content, &redacted.parts), rows)
            }
            TicketEvent::MessageCopyKept(kept) => {
                rows.copies.insert(copy(event, &kept.raw, Some(kept.message.0), None))
            }
            TicketEvent::RawMessageKept(kept) => rows.copies.insert(copy(
                event,
                &kept.raw,
                None,
                kept.channel.map(|channel| channel.0),
            )),
            TicketEvent::Created(_)
            | TicketEvent::Renamed(_)
            | TicketEvent::StatusChanged(_)
            | TicketEvent::PriorityChanged(_)
            | TicketEvent::CategoryChanged(_)
            | TicketEvent::OwnerChanged(_)
            | TicketEvent::TagsChanged(_)
            | TicketEvent::PropertiesSet(_)
            | TicketEvent::ContactAssociated(_)
            | TicketEvent::ContactDissociated(_)
            | TicketEvent::PrimaryContactChanged(_)
            | TicketEvent::ConversationStarted(_)
            | TicketEvent::ConversationEnded(_)
            | TicketEvent::Linked(_)
            | TicketEvent::Unlinked(_) => Ok(()),
        }
    }
}

enum Written {
    Item(Uuid),
    Copy,
    Nothing,
}

/// Which row an event writes.
const fn written(event: &TicketEvent) -> Written {
    match event {
        TicketEvent::MessageReceived(received) => Written::Item(received.message.id.0),
        TicketEvent::MessageImported(imported) => Written::Item(imported.message.id.0),
        TicketEvent::ReplySubmitted(reply) => Written::Item(reply.message.id.0),
        TicketEvent::CommentAdded(comment) => Written::Item(comment.comment.0),
        TicketEvent::MessageRedacted(redacted) => Written::Item(redacted.message.id.0),
        TicketEvent::CommentRedacted(redacted) => Written::Item(redacted.comment.comment.0),
        TicketEvent::MessageCopyKept(_) | TicketEvent::RawMessageKept(_) => Written::Copy,
        TicketEvent::Created(_)
        | TicketEvent::Renamed(_)
        | TicketEvent::StatusChanged(_)
        | TicketEvent::PriorityChanged(_)
        | TicketEvent::CategoryChanged(_)
        | TicketEvent::OwnerChanged(_)
        | TicketEvent::TagsChanged(_)
        | TicketEvent::PropertiesSet(_)
        | TicketEvent::ContactAssociated(_)
        | TicketEvent::ContactDissociated(_)
        | TicketEvent::PrimaryContactChanged(_)
        | TicketEvent::ConversationStarted(_)
        | TicketEvent::ConversationEnded(_)
        | TicketEvent::Linked(_)
        | TicketEvent::Unlinked(_) => Written::Nothing,
    }
}

fn message(event: &StoredEvent, content: &MessageContent, direction: Direction) -> ItemRow {
    ItemRow {
        ticket: event.stream,
        item: content.id.0,
        kind: "message".to_owned(),
        direction: Some(word(&direction)),
        channel: content.channel.map(|channel| channel.0),
        author: content.author.map(|author| author_text(author).to_string()),
        occurred_at: event.occurred_at.as_micros(),
        position: position(event),
        content: Json(ItemContent::Message(Box::new(content.clone()))),
        answers: None,
        delivery: None,
        delivery_reason: None,
        deliver_after: None,
        automatic: content.automatic.as_ref().map(word),
        imported: false,
        raw: content.raw.clone().map(Json),
        redacted: None,
    }
}

fn reply(event: &StoredEvent, submitted: &ReplySubmitted) -> ItemRow {
    let row = message(event, &submitted.message, Direction::Outgoing);
    ItemRow {
        author: row.author.or_else(|| Some(event.actor.to_string())),
        answers: submitted.in_reply_to.map(|message| message.0),
        delivery: Some(word(&submitted.delivery)),
        deliver_after: Some(submitted.deliver_after.as_micros()),
        ..row
    }
}

/// What is left takes the place of what was there; a mark says when and by whom.
fn redact(
    event: &StoredEvent,
    item: Uuid,
    (content, parts): (ItemContent, &[RedactedPart]),
    rows: &mut ThreadRows,
) -> Result<(), ApplyError> {
    let row = rows.items.get_mut(&(event.stream, item))?;
    row.content = Json(content);
    // The original holds what was taken out, and goes with it.
    row.raw = None;
    let before = row.redacted.take().map(|known| known.0.parts).unwrap_or_default();
    let mut all = before;
    all.extend(parts.iter().filter(|part| !all.contains(part)).copied().collect::<Vec<_>>());
    row.redacted = Some(Json(Redacted {
        at: event.occurred_at.as_micros(),
        by: event.actor.to_string(),
        parts: all,
    }));
    Ok(())
}

fn comment_content(added: &CommentAdded) -> CommentContent {
    CommentContent {
        text: added.text.clone(),
        html: added.html.clone(),
        preview: added.preview.clone(),
        mentions: added.mentions.iter().map(|user| user.0).collect(),
        attachments: added.attachments.clone(),
    }
}

fn comment(event: &StoredEvent, added: &CommentAdded) -> ItemRow {
    let content = comment_content(added);
    ItemRow {
        ticket: event.stream,
        item: added.comment.0,
        kind: "comment".to_owned(),
        direction: None,
        channel: None,
        author: Some(event.actor.to_string()),
        occurred_at: event.occurred_at.as_micros(),
        position: position(event),
        content: Json(ItemContent::Comment(Box::new(content))),
        answers: None,
        delivery: None,
        delivery_reason: None,
        deliver_after: None,
        automatic: None,
        imported: false,
        raw: None,
        redacted: None,
    }
}

fn copy(
    event: &StoredEvent,
    raw: &ObjectRef,
    message: Option<Uuid>,
    channel: Option<Uuid>,
) -> CopyRow {
    CopyRow {
        ticket: event.stream,
        position: position(event),
        message,
        channel,
        occurred_at: event.occurred_at.as_micros(),
        raw: Json(raw.clone()),
    }
}

const fn author_text(author: MessageAuthor) -> Actor {
    match author {
        MessageAuthor::User(user) => Actor::user(user.0),
        MessageAuthor::Contact(contact) => Actor { kind: ActorKind::Contact, id: contact.0 },
    }
}

fn position(event: &StoredEvent) -> i64 {
    i64::try_from(event.position.0).unwrap_or(i64::MAX)
}
