//! What is told of a run of events: made once, shared by everybody who may know.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use access::TicketSight;
use bytes::Bytes;
use decider::{DecodeError, WorkspaceId};
use event_store::log::{Bookmark, LogError, LogReader, Outline};
use events::{TicketId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::sight::{self, Sight};
use super::subject::{Subject, Viewer, whose_rights};

/// What a live message says: something happened, not what. Whoever shows it asks for it.
#[derive(Serialize, ToSchema)]
pub struct LiveMessage {
    /// The last position it tells of.
    pub position: String,
    /// The ticket, if it is about one.
    pub ticket_id: Option<Uuid>,
    /// The stream, if it is about anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamName>,
    /// The stored types of what happened, such as `StatusChanged`.
    pub kinds: Vec<String>,
}

/// A stream.
#[derive(Serialize, ToSchema)]
pub struct StreamName {
    /// Its kind, such as `contact`.
    pub kind: &'static str,
    /// Its id.
    pub id: Uuid,
}

/// What is told of events that one command wrote to one stream.
#[derive(Debug)]
pub struct Note {
    /// The last of them.
    pub last: Bookmark,
    /// As it is sent.
    pub frame: Bytes,
    /// The user whose rights may have changed.
    pub whose_rights: Option<UserId>,
    subject: Subject,
    sight: Option<Sight>,
}

impl Note {
    /// Whether somebody may be told.
    pub fn is_open_to(&self, viewer: &Viewer) -> bool {
        self.subject.is_open_to(viewer, self.sight.as_ref())
    }
}

/// What is told of events, with who sees the tickets if `limited`.
///
/// # Errors
/// When the database fails, or this program cannot read an event.
pub async fn notes(
    reader: &LogReader,
    ws: WorkspaceId,
    outlines: &[Outline],
    limited: bool,
) -> Result<Vec<Arc<Note>>, LogError> {
    if !limited {
        return Ok(told(outlines, None)?);
    }
    let about = outlines.iter().filter_map(|event| match Subject::of(event) {
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Draft(_)
        | Subject::Access(_)
        | Subject::Erasure(_)
        | Subject::Audit { .. }
        | Subject::Common { .. }
        | Subject::Unknown => None,
    });
    let tickets: Vec<TicketId> = about.collect::<BTreeSet<_>>().into_iter().collect();
    let sights = sight::now(reader, ws, &tickets).await?;
    Ok(told(outlines, Some(&sights))?)
}

/// Events that one command wrote to one stream behind each other are told at once.
pub(super) fn told(
    outlines: &[Outline],
    sights: Option<&HashMap<TicketId, TicketSight>>,
) -> Result<Vec<Arc<Note>>, DecodeError> {
    let together = |one: &Outline, next: &Outline| {
        (one.command, one.stream) == (next.command, next.stream)
            && Subject::of(one) == Subject::of(next)
    };
    let runs = outlines.chunk_by(together);
    runs.filter_map(|run| note(run, sights).transpose()).collect()
}

fn note(
    run: &[Outline],
    sights: Option<&HashMap<TicketId, TicketSight>>,
) -> Result<Option<Arc<Note>>, DecodeError> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else { return Ok(None) };
    let subject = Subject::of(first);
    let sight = match (subject, sights) {
        (Subject::Ticket(ticket), Some(sights)) => sight_of(run, sights.get(&ticket))?,
        _ => None,
    };
    let mut kinds: Vec<String> = Vec::new();
    for event in run {
        if !kinds.contains(&event.type_name) {
            kinds.push(event.type_name.clone());
        }
    }
    let bookmark = last.bookmark();
    Ok(Some(Arc::new(Note {
        last: bookmark,
        frame: frame(last, bookmark, subject, kinds),
        whose_rights: run.iter().find_map(whose_rights),
        subject,
        sight,
    })))
}

fn sight_of(run: &[Outline], steady: Option<&TicketSight>) -> Result<Option<Sight>, DecodeError> {
    let mut changed: Option<Sight> = None;
    for event in run {
        if let Some(later) = Sight::changed_by(event)? {
            changed = Some(changed.map_or(later, |earlier| earlier.then(later)));
        }
    }
    Ok(changed.or_else(|| steady.copied().map(Sight::steady)))
}

fn frame(last: &Outline, id: Bookmark, subject: Subject, kinds: Vec<String>) -> Bytes {
    let (ticket_id, stream) = match subject {
        Subject::Ticket(ticket) => (Some(ticket.0), None),
        Subject::Audit { kind, id } | Subject::Common { kind, id } => {
            (None, Some(StreamName { kind, id }))
        }
        Subject::Draft(_) => (None, Some(StreamName { kind: "draft", id: last.stream })),
        Subject::Access(user) => (None, Some(StreamName { kind: "user", id: user.0 })),
        Subject::Erasure(id) => (None, Some(StreamName { kind: "erasure", id })),
        Subject::Unknown => (None, None),
    };
    let position = last.position.to_string();
    let message = LiveMessage { position, ticket_id, stream, kinds };
    let json = serde_json::to_string(&message).unwrap_or_default();
    format!("id: {id}\ndata: {json}\n\n").into()
}
