//! Which ticket is meant, and whether the caller may see it.

use std::str::FromStr;

use access::TicketSight;
use commands::claims::TICKET_NUMBER;
use events::TicketId;
use serde::{Deserialize, Deserializer, de};
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::travel::{AS_OF, Folded, Journey, Moment, journey, present};

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
    let id = id_of(app, caller, name).await?;
    let now = present(app, caller, id).await?.ok_or_else(ApiError::not_found)?;
    if caller.scope.sees(&TicketSight { owner: now.live.owner }) {
        Ok(now)
    } else {
        Err(ApiError::not_found())
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

/// A ticket that the caller may see, and how it was at a moment, if one is asked for.
pub async fn visit(
    app: &App,
    caller: &Caller,
    name: TicketName,
    moment: Option<Moment>,
) -> Result<(TicketId, Option<Journey>), ApiError> {
    let Some(moment) = moment else { return Ok((visible(app, caller, name).await?, None)) };
    let id = id_of(app, caller, name).await?;
    Ok((id, Some(journey(app, caller, id, (AS_OF, moment)).await?)))
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
}
