//! One ticket, folded from its stream: always current, and at any earlier place in the log (Z04).

use std::str::FromStr;

use access::TicketSight;
use commands::claims::TICKET_NUMBER;
use commands::ticket::{LiveTicket, Ticket};
use decider::{EventMeta, LogPosition, State, StoredEvent, Timestamp, Version};
use events::value::TicketSource;
use events::{TicketEvent, TicketId, decode_stored};
use serde::{Deserialize, Deserializer, de};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;

/// So many events of a stream are held at a time.
const EVENTS_AT_A_TIME: u32 = 500;

/// A ticket in an address: its id or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketName {
    Id(TicketId),
    Number(u64),
}

impl FromStr for TicketName {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 20 {
            return text.parse().map(Self::Number).map_err(|_| ());
        }
        text.parse().map(Self::Id).map_err(|_| ())
    }
}

impl<'de> Deserialize<'de> for TicketName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|()| de::Error::custom("neither an id nor a number"))
    }
}

/// An earlier place in the log: an instant or a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    Position(LogPosition),
    Instant(Timestamp),
}

impl AsOf {
    pub fn includes(self, event: &StoredEvent) -> bool {
        match self {
            Self::Position(position) => event.position <= position,
            Self::Instant(instant) => event.at <= instant,
        }
    }
}

impl<'de> Deserialize<'de> for AsOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let position = text.parse().map(Self::Position).ok();
        position
            .or_else(|| text.parse().map(Self::Instant).ok())
            .ok_or_else(|| de::Error::custom("an instant or a position"))
    }
}

/// A ticket and what its rules do not ask about.
#[derive(Clone)]
pub struct Folded {
    pub id: TicketId,
    pub live: Box<LiveTicket>,
    pub source: TicketSource,
    pub imported: bool,
    pub created_at: Timestamp,
    pub last_activity_at: Timestamp,
    pub version: Version,
    pub position: LogPosition,
}

#[derive(Clone, Default)]
struct Fold {
    state: Ticket,
    created: Option<(TicketSource, bool, Timestamp)>,
    last_activity_at: Timestamp,
    version: Version,
    position: LogPosition,
}

impl Fold {
    fn take_in(&mut self, stored: &StoredEvent) -> Result<(), ApiError> {
        let event: TicketEvent = decode_stored(stored).map_err(ApiError::failed)?;
        let (version, occurred_at) = (stored.version, stored.occurred_at);
        self.state.evolve(&event, &EventMeta { version, occurred_at, actor: stored.actor });
        if let TicketEvent::Created(created) = &event {
            self.created = Some((created.source, created.imported, occurred_at));
            self.last_activity_at = occurred_at;
        }
        self.last_activity_at = self.last_activity_at.max(occurred_at);
        self.version = version;
        self.position = stored.position;
        Ok(())
    }

    fn done(self, id: TicketId) -> Option<Folded> {
        let (source, imported, created_at) = self.created?;
        let Ticket::Live(live) = self.state else { return None };
        let Self { last_activity_at, version, position, .. } = self;
        Some(Folded { id, live, source, imported, created_at, last_activity_at, version, position })
    }
}

/// The id of a ticket: its number is a claim, so it never lags.
pub async fn id_of(app: &App, caller: &Caller, name: TicketName) -> Result<TicketId, ApiError> {
    let number = match name {
        TicketName::Id(id) => return Ok(id),
        TicketName::Number(number) => number.to_string(),
    };
    claim(app, caller, TICKET_NUMBER, &number).await?.map(TicketId).ok_or_else(ApiError::not_found)
}

/// Who holds a natural key.
pub async fn claim(
    app: &App,
    caller: &Caller,
    scope: &str,
    key: &str,
) -> Result<Option<Uuid>, ApiError> {
    let mac = app.vault().mac(caller.ws, &format!("claim.{scope}"), key.as_bytes());
    let rows = app.reader().claims(caller.ws, &[(scope, mac)]).await?;
    Ok(rows.first().and_then(|row| row.holder))
}

/// A ticket that the caller may see.
pub async fn fold(app: &App, caller: &Caller, name: TicketName) -> Result<Folded, ApiError> {
    fold_until(app, caller, name, None).await
}

/// The same as it was; whether it may be seen is decided by how it is now.
pub async fn fold_until(
    app: &App,
    caller: &Caller,
    name: TicketName,
    as_of: Option<AsOf>,
) -> Result<Folded, ApiError> {
    let id = id_of(app, caller, name).await?;
    let (mut now, mut then) = (Fold::default(), None);
    loop {
        let page = app.reader().stream_page(caller.ws, id.0, now.version, EVENTS_AT_A_TIME).await?;
        for stored in &page {
            if stored.kind != "ticket" {
                return Err(ApiError::not_found());
            }
            if then.is_none() && as_of.is_some_and(|as_of| !as_of.includes(stored)) {
                then = Some(now.clone());
            }
            now.take_in(stored)?;
        }
        if page.len() < EVENTS_AT_A_TIME as usize {
            break;
        }
    }
    let now = now.done(id).ok_or_else(ApiError::not_found)?;
    if !caller.scope.sees(&TicketSight { owner: now.live.owner }) {
        return Err(ApiError::not_found());
    }
    match then {
        Some(then) => then.done(id).ok_or_else(ApiError::not_found),
        None => Ok(now),
    }
}

/// The id of a ticket that the caller may see, as cheaply as possible.
pub async fn visible(app: &App, caller: &Caller, name: TicketName) -> Result<TicketId, ApiError> {
    if caller.scope.view() != access::Reach::Everything {
        return Ok(fold(app, caller, name).await?.id);
    }
    let id = id_of(app, caller, name).await?;
    let first = app.reader().stream_page(caller.ws, id.0, 0, 1).await?;
    match first.first() {
        Some(event) if event.kind == "ticket" => Ok(id),
        Some(_) | None => Err(ApiError::not_found()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_named_by_its_id_or_its_number() {
        assert_eq!("1042".parse(), Ok(TicketName::Number(1042)));
        let id = TicketId(Uuid::from_u128(7));
        assert_eq!(id.to_string().parse(), Ok(TicketName::Id(id)));
        for garbage in ["", "-1", "1042x", "99999999999999999999", "x"] {
            assert_eq!(garbage.parse::<TicketName>(), Err(()), "{garbage}");
        }
    }

    #[test]
    fn an_earlier_place_is_a_position_or_an_instant_z04() {
        let read = |text: &str| serde_json::from_value::<AsOf>(text.into()).ok();
        assert_eq!(read("17"), Some(AsOf::Position(LogPosition(17))));
        assert!(matches!(read("2026-03-03T10:00:00Z"), Some(AsOf::Instant(_))));
        assert_eq!(read("yesterday"), None);
    }
}
