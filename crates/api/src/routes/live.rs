//! What happens, told at once (P03).

use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use event_store::log::Bookmark;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::live::{LiveMessage, Resume};
use crate::read::Params;

/// What a client heard last: browsers send it by themselves when they come back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A proxy in front is not to keep messages back until it has many.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(live))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LiveQuery {
    /// Begin with what happened after this: the id of a message, or a bare position. With what happens from now on if nothing
    /// is said. The header `Last-Event-ID` goes before it.
    #[param(value_type = Option<String>)]
    after: Option<Bookmark>,
}

/// What happens, as server-sent events.
///
/// Every message has its place in the log as its id, `POSITION-MARK`, so that a client that comes back with `Last-Event-ID` or
/// `after` misses nothing; it may be told something twice. The mark is 8 hexadecimal digits that stand for the event at that
/// position: if the log was set back meanwhile (a restore, a failover that lost something), another event stands there or none,
/// and the client is told. A bare position is taken too, and not compared: who names one cannot be told. There are three kinds of
/// messages:
///
/// - without a name: something happened to a ticket or another stream. A message tells that something happened, not what:
///   whoever shows the ticket asks for it, with the position as `Log-Position`. Asking decides: a ticket that answers 404 is no
///   longer for the caller and leaves the list; one that was not shown before enters it. A message is sent to those who see the
///   ticket before or after what happened, so both changes are told. Of drafts only their writer is told.
/// - `position`: everything up to here was told. Sent at the beginning and after 15 seconds of silence.
/// - `reset`: load again what is shown; what happens after this position will be told. The `reason` is `behind` (more than
///   10,000 positions were missed), `ahead` (the log does not have the position that was named) or `rewound` (the log was set
///   back: what was told after some position did not happen, and something else may have).
///
/// The connection ends when the caller signs out, loses the token, or has other rights than before, and when the server stops;
/// `retry` says after how long to come back. A user may have 32 connections at a time, which is also a reason for a browser
/// to share one between its tabs.
#[utoipa::path(get, path = "/api/v1/live", tag = "live",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header,
        description = "the id of the last message that was read")),
    responses((status = 200, description = "messages, for as long as the connection lasts",
            body = LiveMessage, content_type = "text/event-stream"),
        (status = 429, description = "too many connections of this user", body = crate::Problem,
            content_type = "application/problem+json")))]
async fn live(
    State(app): State<App>,
    caller: Caller,
    last: LastEventId,
    Params(query): Params<LiveQuery>,
) -> Result<Response, ApiError> {
    caller.require(access::Right::TicketsView)?;
    let resume = last.0.or(query.after).map_or(Resume::Now, Resume::After);
    let connection = app.live().connect(&app, caller, resume).await?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, connection.into_body()).into_response())
}

/// What the header `Last-Event-ID` names.
struct LastEventId(Option<Bookmark>);

impl<S: Send + Sync> FromRequestParts<S> for LastEventId {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get(LAST_EVENT_ID) else { return Ok(Self(None)) };
        let left = value.to_str().ok().and_then(|text| text.trim().parse().ok());
        left.map(|left| Self(Some(left))).ok_or_else(|| {
            let detail = "Last-Event-ID takes the id of a message";
            ApiError::new(Kind::Malformed, "invalid_last_event_id", detail)
        })
    }
}
