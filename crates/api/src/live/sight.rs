//! Who could see a ticket when something happened to it. Only asked for those whose reach has limits.

use std::collections::HashMap;

use access::{Scope, TicketSight};
use decider::{DecodeError, Event, WorkspaceId};
use event_store::log::{LogError, LogReader, Outline};
use events::{TicketEvent, TicketId};
use uuid::Uuid;

/// The event that changes who sees a ticket; its payload says from whom to whom.
const OWNER_CHANGED: &str = "OwnerChanged";
const CREATED: &str = "TicketCreated";

/// The events whose payload is needed to know who sees a ticket.
pub const WITH_PAYLOAD: &[&str] = &[OWNER_CHANGED];

/// Who could see a ticket before and after something happened to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    before: Option<TicketSight>,
    after: Option<TicketSight>,
}

impl Sight {
    /// Of what happened to a ticket without changing who sees it.
    pub const fn steady(sight: TicketSight) -> Self {
        Self { before: Some(sight), after: Some(sight) }
    }

    /// What an event changed about who sees its ticket; none if nothing.
    ///
    /// # Errors
    /// When this program cannot read the event.
    pub fn changed_by(event: &Outline) -> Result<Option<Self>, DecodeError> {
        match event.type_name.as_str() {
            CREATED => Ok(Some(Self { before: None, after: Some(TicketSight::default()) })),
            OWNER_CHANGED => {
                let payload = event.payload.as_deref().unwrap_or_default();
                let read = TicketEvent::decode(&event.type_name, event.schema_version, payload)?;
                let TicketEvent::OwnerChanged(changed) = read else { return Ok(None) };
                let sight = |owner| Some(TicketSight { owner });
                Ok(Some(Self { before: sight(changed.from), after: sight(changed.to) }))
            }
            _ => Ok(None),
        }
    }

    /// The same, and then `later`.
    pub const fn then(self, later: Self) -> Self {
        Self { before: self.before, after: later.after }
    }

    /// Whether somebody saw the ticket before or sees it after. Who sees it only before has to learn that it is gone.
    pub fn is_within(&self, scope: &Scope) -> bool {
        [self.before, self.after].iter().flatten().any(|sight| scope.sees(sight))
    }
}

/// Who sees each of these tickets now.
///
/// # Errors
/// When the database fails, or this program cannot read an event.
pub async fn now(
    reader: &LogReader,
    ws: WorkspaceId,
    tickets: &[TicketId],
) -> Result<HashMap<TicketId, TicketSight>, LogError> {
    let streams: Vec<Uuid> = tickets.iter().map(|ticket| ticket.0).collect();
    let mut sights: HashMap<_, _> =
        tickets.iter().map(|ticket| (*ticket, TicketSight::default())).collect();
    for event in reader.newest_of_type(ws, &streams, OWNER_CHANGED).await? {
        let read = TicketEvent::decode(&event.type_name, event.schema_version, &event.payload)?;
        if let TicketEvent::OwnerChanged(changed) = read {
            sights.insert(TicketId(event.stream), TicketSight { owner: changed.to });
        }
    }
    Ok(sights)
}
