//! The fold of the inbox.

use decider::{DecodeError, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::row_set;
use events::message::{Direction, MessageContent};
use events::pipeline::{PipelineCreated, StatusDefinition};
use events::ticket::TicketCreated;
use events::value::Priority;
use events::{PipelineEvent, TicketEvent, decode_stored};
use uuid::Uuid;

use super::{MentionRow, PipelineRow, StatusRow, TicketRow, category_word};
use crate::kinds::{passed_over, word};

row_set! {
    /// The tables of the inbox.
    pub struct InboxRows {
        tickets: TicketRow,
        mentions: MentionRow,
        statuses: StatusRow,
        pipelines: PipelineRow,
    }
}

/// Lists of tickets.
pub struct Inbox;

/// What the inbox is made of.
#[derive(Debug)]
pub enum InboxEvent {
    /// Of a ticket.
    Ticket(Box<TicketEvent>),
    /// Of a pipeline.
    Pipeline(PipelineEvent),
}

impl Projection for Inbox {
    const NAME: &'static str = "inbox";
    const VERSION: u32 = 2;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = InboxEvent;
    type Rows = InboxRows;

    fn decode(stored: &StoredEvent) -> Result<Option<InboxEvent>, DecodeError> {
        match stored.kind.as_str() {
            "ticket" => {
                decode_stored(stored).map(|event| Some(InboxEvent::Ticket(Box::new(event))))
            }
            "pipeline" => decode_stored(stored).map(|event| Some(InboxEvent::Pipeline(event))),
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, InboxEvent>, keys: &mut Keys<'_>) {
        match event.data {
            InboxEvent::Ticket(ticket) => {
                keys.row::<TicketRow>(event.stream);
                if let TicketEvent::CommentAdded(comment) = &**ticket {
                    comment
                        .mentions
                        .iter()
                        .for_each(|user| keys.row::<MentionRow>((user.0, event.stream)));
                }
            }
            InboxEvent::Pipeline(pipeline) => {
                keys.row::<PipelineRow>(event.stream);
                statuses_of(pipeline).into_iter().for_each(|status| keys.row::<StatusRow>(status));
            }
        }
    }

    fn apply(event: &Stored<'_, InboxEvent>, rows: &mut InboxRows) -> Result<(), ApplyError> {
        match event.data {
            InboxEvent::Ticket(ticket) => apply_ticket(event, ticket, rows),
            InboxEvent::Pipeline(pipeline) => change_pipeline(event.stream, pipeline, rows),
        }
    }
}

fn apply_ticket(
    event: &Stored<'_, InboxEvent>,
    ticket: &TicketEvent,
    rows: &mut InboxRows,
) -> Result<(), ApplyError> {
    if let TicketEvent::Created(created) = ticket {
        return rows.tickets.insert(new_ticket(event, created));
    }
    change_mentions(event, ticket, rows)?;
    let row = rows.tickets.get_mut(&event.stream)?;
    row.last_activity_at = row.last_activity_at.max(event.occurred_at.as_micros());
    row.version = version_of(event);
    change_ticket(event, ticket, row);
    Ok(())
}

fn new_ticket(event: &Stored<'_, InboxEvent>, created: &TicketCreated) -> TicketRow {
    TicketRow {
        ticket: event.stream,
        number: i64::try_from(created.number).unwrap_or(i64::MAX),
        name: Json(created.name.clone()),
        pipeline: created.pipeline.0,
        status: created.status.0,
        priority: priority_number(Priority::default()),
        category: None,
        source: word(&created.source),
        owner_user: None,
        owner_team: None,
        tags: Vec::new(),
        contacts: Vec::new(),
        primary_contact: None,
        has_conversation: false,
        imported: created.imported,
        created_at: event.occurred_at.as_micros(),
        last_activity_at: event.occurred_at.as_micros(),
        last_message: None,
        last_message_at: None,
        last_direction: None,
        last_preview: None,
        version: version_of(event),
    }
}

fn change_ticket(event: &Stored<'_, InboxEvent>, ticket: &TicketEvent, row: &mut TicketRow) {
    match ticket {
        TicketEvent::Renamed(renamed) => row.name = Json(renamed.to.clone()),
        TicketEvent::StatusChanged(changed) => {
            (row.pipeline, row.status) = (changed.to.pipeline.0, changed.to.status.0);
        }
        TicketEvent::PriorityChanged(changed) => row.priority = priority_number(changed.to),
        TicketEvent::CategoryChanged(changed) => row.category.clone_from(&changed.to),
        TicketEvent::OwnerChanged(changed) => {
            row.owner_user = changed.to.and_then(|owner| owner.user).map(|user| user.0);
            row.owner_team = changed.to.and_then(|owner| owner.team).map(|team| team.0);
        }
        TicketEvent::TagsChanged(changed) => {
            row.tags.retain(|tag| !changed.removed.contains(tag));
            for tag in &changed.added {
                if !row.tags.contains(tag) {
                    row.tags.push(tag.clone());
                }
            }
        }
        TicketEvent::ContactAssociated(associated) => {
            let contact = associated.contact.0;
            if !row.contacts.contains(&contact) {
                row.contacts.push(contact);
            }
            if associated.primary {
                row.primary_contact = Some(contact);
            }
        }
        TicketEvent::ContactDissociated(dissociated) => {
            row.contacts.retain(|contact| *contact != dissociated.contact.0);
            if row.primary_contact == Some(dissociated.contact.0) {
                row.primary_contact = None;
            }
        }
        TicketEvent::PrimaryContactChanged(changed) => {
            row.primary_contact = changed.to.map(|contact| contact.0);
        }
        TicketEvent::ConversationStarted(_) => row.has_conversation = true,
        TicketEvent::ConversationEnded(_) => row.has_conversation = false,
        TicketEvent::MessageReceived(received) => {
            newest_message(event, &received.message, Direction::Incoming, row);
        }
        TicketEvent::ReplySubmitted(reply) => {
            newest_message(event, &reply.message, Direction::Outgoing, row)
        }
        TicketEvent::MessageImported(imported) => {
            newest_message(event, &imported.message, imported.direction, row);
        }
        TicketEvent::MessageRedacted(redacted) => {
            if row.last_message == Some(redacted.message.id.0) {
                row.last_preview = Some(Json(redacted.message.preview.clone()));
            }
        }
        // The beginning has its own place; the others change no column but activity and version.
        TicketEvent::Created(_)
        | TicketEvent::PropertiesSet(_)
        | TicketEvent::CommentAdded(_)
        | TicketEvent::CommentRedacted(_)
        | TicketEvent::MessageCopyKept(_)
        | TicketEvent::RawMessageKept(_)
        | TicketEvent::Linked(_)
        | TicketEvent::Unlinked(_) => {}
    }
}

/// History may come in any order: the newest message is the one sent last, not the one recorded last.
fn newest_message(
    event: &Stored<'_, InboxEvent>,
    message: &MessageContent,
    direction: Direction,
    row: &mut TicketRow,
) {
    let sent_at = event.occurred_at.as_micros();
    row.has_conversation = true;
    if row.last_message_at.is_none_or(|newest| newest <= sent_at) {
        row.last_message = Some(message.id.0);
        row.last_message_at = Some(sent_at);
        row.last_direction = Some(word(&direction));
        row.last_preview = Some(Json(message.preview.clone()));
    }
}

fn change_mentions(
    event: &Stored<'_, InboxEvent>,
    ticket: &TicketEvent,
    rows: &mut InboxRows,
) -> Result<(), ApplyError> {
    let TicketEvent::CommentAdded(comment) = ticket else { return Ok(()) };
    let (ticket, at) = (event.stream, event.occurred_at.as_micros());
    for user in &comment.mentions {
        let last_at = rows.mentions.get(&(user.0, ticket))?.map_or(at, |row| row.last_at.max(at));
        rows.mentions.put(MentionRow { user_id: user.0, ticket, last_at })?;
    }
    Ok(())
}

fn change_pipeline(
    id: Uuid,
    event: &PipelineEvent,
    rows: &mut InboxRows,
) -> Result<(), ApplyError> {
    match event {
        PipelineEvent::Created(PipelineCreated { name, statuses }) => {
            let order = statuses.iter().map(|status| status.id.0).collect();
            let row =
                PipelineRow { pipeline: id, name: name.clone(), statuses: order, archived: false };
            rows.pipelines.insert(row)?;
            statuses.iter().try_for_each(|status| rows.statuses.insert(new_status(id, status)))
        }
        PipelineEvent::Renamed(renamed) => {
            rows.pipelines.get_mut(&id)?.name.clone_from(&renamed.to);
            Ok(())
        }
        PipelineEvent::StatusAdded(added) => {
            let order = &mut rows.pipelines.get_mut(&id)?.statuses;
            order.insert(place(added.index, order.len()), added.status.id.0);
            rows.statuses.insert(new_status(id, &added.status))
        }
        PipelineEvent::StatusRenamed(renamed) => {
            rows.statuses.get_mut(&renamed.status.0)?.name.clone_from(&renamed.to);
            Ok(())
        }
        PipelineEvent::StatusCategoryChanged(changed) => {
            category_word(changed.to)
                .clone_into(&mut rows.statuses.get_mut(&changed.status.0)?.category);
            Ok(())
        }
        PipelineEvent::StatusMoved(moved) => {
            let order = &mut rows.pipelines.get_mut(&id)?.statuses;
            order.retain(|status| *status != moved.status.0);
            order.insert(place(moved.to, order.len()), moved.status.0);
            Ok(())
        }
        PipelineEvent::Archived(_) => {
            rows.pipelines.get_mut(&id)?.archived = true;
            Ok(())
        }
        PipelineEvent::StatusRequirementsChanged(_) => Ok(()),
    }
}

fn new_status(pipeline: Uuid, status: &StatusDefinition) -> StatusRow {
    StatusRow {
        status: status.id.0,
        pipeline,
        category: category_word(status.category).to_owned(),
        name: status.name.clone(),
    }
}

/// The statuses whose rows an event touches.
fn statuses_of(event: &PipelineEvent) -> Vec<Uuid> {
    match event {
        PipelineEvent::Created(created) => {
            created.statuses.iter().map(|status| status.id.0).collect()
        }
        PipelineEvent::StatusAdded(added) => vec![added.status.id.0],
        PipelineEvent::StatusRenamed(renamed) => vec![renamed.status.0],
        PipelineEvent::StatusCategoryChanged(changed) => vec![changed.status.0],
        PipelineEvent::Renamed(_)
        | PipelineEvent::StatusRequirementsChanged(_)
        | PipelineEvent::StatusMoved(_)
        | PipelineEvent::Archived(_) => Vec::new(),
    }
}

fn place(index: u32, len: usize) -> usize {
    usize::try_from(index).map_or(len, |index| index.min(len))
}

fn version_of(event: &StoredEvent) -> i32 {
    i32::try_from(event.version).unwrap_or(i32::MAX)
}

/// The place of a priority in an order.
pub(super) const fn priority_number(priority: Priority) -> i16 {
    match priority {
        Priority::None => 0,
        Priority::Low => 1,
        Priority::Medium => 2,
        Priority::High => 3,
        Priority::Urgent => 4,
    }
}
