//! The fold of the audit log.

use decider::{DecodeError, Event, StoredEvent};
use event_store::projection::{ApplyError, Json, Keys, Projection, Stored};
use event_store::row_set;
use events::erasure::ErasureSubject;
use events::{
    AnyEvent, AuditEvent, ChannelEvent, ErasureEvent, PipelineEvent, PropertyEvent, SignInEvent,
    UserEvent, WorkspaceEvent,
};
use uuid::Uuid;

use super::AuditRow;
use crate::kinds::passed_over;

/// The kinds of streams whose events are in it.
pub const KINDS: [&str; 8] = [
    WorkspaceEvent::KIND,
    UserEvent::KIND,
    PipelineEvent::KIND,
    PropertyEvent::KIND,
    ChannelEvent::KIND,
    SignInEvent::KIND,
    AuditEvent::KIND,
    ErasureEvent::KIND,
];

row_set! {
    /// The table of the audit log.
    pub struct AuditRows { entries: AuditRow }
}

/// What administrators can look up.
pub struct Audit;

impl Projection for Audit {
    const NAME: &'static str = "audit";
    const VERSION: u32 = 1;
    const SCHEMA: &'static str = include_str!("schema.sql");
    type Event = AnyEvent;
    type Rows = AuditRows;

    fn decode(stored: &StoredEvent) -> Result<Option<AnyEvent>, DecodeError> {
        if KINDS.contains(&stored.kind.as_str()) {
            AnyEvent::decode(stored).map(Some)
        } else {
            passed_over(stored)
        }
    }

    fn keys(event: &Stored<'_, AnyEvent>, keys: &mut Keys<'_>) {
        keys.new_row::<AuditRow>(position(event));
    }

    fn apply(event: &Stored<'_, AnyEvent>, rows: &mut AuditRows) -> Result<(), ApplyError> {
        // In the shape of today, whichever it was stored in.
        let payload = event.data.encode();
        let payload = payload.map_err(|_| ApplyError::Unexpected("a payload cannot be written"))?;
        let data = serde_json::from_slice(&payload)
            .map_err(|_| ApplyError::Unexpected("a payload is no JSON"))?;
        let (target, ticket) = about(event.data);
        rows.entries.insert(AuditRow {
            position: position(event),
            at: event.at.as_micros(),
            actor: event.actor.to_string(),
            token: event.context.token,
            kind: event.type_name.clone(),
            stream_kind: event.kind.clone(),
            stream: event.stream,
            target: target.unwrap_or(event.stream),
            ticket,
            cause: event.context.causation,
            command: event.command.0,
            data: Json(data),
        })
    }
}

/// What an event is about, where that is not its stream; and the ticket.
fn about(event: &AnyEvent) -> (Option<Uuid>, Option<Uuid>) {
    match event {
        AnyEvent::SignIn(SignInEvent::SignedIn(it)) => (Some(it.user.0), None),
        AnyEvent::SignIn(SignInEvent::SignedOut(it)) => (Some(it.user.0), None),
        AnyEvent::SignIn(SignInEvent::Refused(it)) => (Some(it.user.0), None),
        AnyEvent::Audit(AuditEvent::Exported(it)) => {
            let ticket = it.ticket.map(|ticket| ticket.0);
            (ticket, ticket)
        }
        AnyEvent::Erasure(ErasureEvent::Requested(it)) => match it.subject {
            ErasureSubject::Contact(contact) => (Some(contact.0), None),
            ErasureSubject::Message { ticket, .. }
            | ErasureSubject::Comment { ticket, .. }
            | ErasureSubject::File { ticket, .. } => (Some(ticket.0), Some(ticket.0)),
        },
        AnyEvent::Erasure(ErasureEvent::KeysDestroyed(_) | ErasureEvent::Completed(_))
        | AnyEvent::Audit(
            AuditEvent::AuditRead(_)
            | AuditEvent::VerificationBegun(_)
            | AuditEvent::ViewMaintained(_),
        )
        | AnyEvent::Workspace(_)
        | AnyEvent::User(_)
        | AnyEvent::Pipeline(_)
        | AnyEvent::Property(_)
        | AnyEvent::Channel(_)
        | AnyEvent::Contact(_)
        | AnyEvent::Ticket(_)
        | AnyEvent::Draft(_) => (None, None),
    }
}

fn position(event: &StoredEvent) -> i64 {
    i64::try_from(event.position.0).unwrap_or(i64::MAX)
}
