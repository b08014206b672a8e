//! The fold of traces. Of the many events of tickets it reads one kind.

use decider::{DecodeError, StoredEvent};
use event_store::projection::{ApplyError, Keys, Projection, Stored};
use event_store::row_set;
use events::erasure::{ErasureRequested, ErasureSubject};
use events::ticket::ContactAssociated;
use events::{ErasureEvent, TicketEvent, decode_stored};
use uuid::Uuid;

use super::{ErasureRow, TicketTraceRow};
use crate::kinds::{passed_over, word};

row_set! {
    /// The tables of traces.
    pub struct TraceRows { tickets: TicketTraceRow, erasures: ErasureRow }
}

/// Who took part where, and what was erased.
pub struct Traces;

/// What it is made of.
#[derive(Debug)]
pub enum TraceEvent {
    /// A person takes part in a ticket.
    Associated(ContactAssociated),
    /// Of an erasure.
    Erasure(Box<ErasureEvent>),
}

impl Projection for Traces {
    const NAME: &'static str = "traces";
    const VERSION: u32 = 1;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = TraceEvent;
    type Rows = TraceRows;

    fn decode(stored: &StoredEvent) -> Result<Option<TraceEvent>, DecodeError> {
        match (stored.kind.as_str(), stored.type_name.as_str()) {
            ("ticket", "ContactAssociated") => {
                let event = decode_stored(stored)?;
                let TicketEvent::ContactAssociated(event) = event else { return Ok(None) };
                Ok(Some(TraceEvent::Associated(event)))
            }
            ("erasure", _) => {
                decode_stored(stored).map(|event| Some(TraceEvent::Erasure(Box::new(event))))
            }
            _ => passed_over(stored),
        }
    }

    fn keys(event: &Stored<'_, TraceEvent>, keys: &mut Keys<'_>) {
        match event.data {
            TraceEvent::Associated(associated) => {
                keys.row::<TicketTraceRow>((associated.contact.0, event.stream));
            }
            TraceEvent::Erasure(_) => keys.row::<ErasureRow>(event.stream),
        }
    }

    fn apply(event: &Stored<'_, TraceEvent>, rows: &mut TraceRows) -> Result<(), ApplyError> {
        let at = event.occurred_at.as_micros();
        match event.data {
            TraceEvent::Associated(associated) => {
                let (person, ticket) = (associated.contact.0, event.stream);
                let known = rows.tickets.get(&(person, ticket))?.map(|row| row.since);
                let since = known.map_or(at, |known| known.min(at));
                rows.tickets.put(TicketTraceRow { person, ticket, since })
            }
            TraceEvent::Erasure(erasure) => match &**erasure {
                ErasureEvent::Requested(requested) => {
                    rows.erasures.insert(new_erasure(event, requested))
                }
                ErasureEvent::KeysDestroyed(_) => {
                    rows.erasures.get_mut(&event.stream)?.destroyed_at.get_or_insert(at);
                    Ok(())
                }
                ErasureEvent::Completed(_) => {
                    rows.erasures.get_mut(&event.stream)?.completed_at = Some(at);
                    Ok(())
                }
            },
        }
    }
}

fn new_erasure(event: &StoredEvent, requested: &ErasureRequested) -> ErasureRow {
    let (kind, subject, ticket): (&str, Uuid, Option<Uuid>) = match requested.subject {
        ErasureSubject::Contact(contact) => ("contact", contact.0, None),
        ErasureSubject::Message { ticket, message } => ("message", message.0, Some(ticket.0)),
        ErasureSubject::Comment { ticket, comment } => ("comment", comment.0, Some(ticket.0)),
        ErasureSubject::File { ticket, attachment } => ("file", attachment.0, Some(ticket.0)),
    };
    ErasureRow {
        erasure: event.stream,
        kind: kind.to_owned(),
        subject,
        ticket,
        reason: word(&requested.reason),
        requested_by: event.actor.to_string(),
        requested_at: event.occurred_at.as_micros(),
        position: i64::try_from(event.position.0).unwrap_or(i64::MAX),
        destroyed_at: None,
        completed_at: None,
    }
}
