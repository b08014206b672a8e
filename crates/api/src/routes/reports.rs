//! Numbers of tickets at any instant, as they were known at any position (Z10).

use std::sync::Arc;

use access::{Reach, Right};
use axum::Json;
use axum::extract::State;
use decider::{LogPosition, Timestamp};
use projections::tally::{self, Asked, Dimension};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::read::{AtLeast, Params};
use crate::show::report::{Breakdown, CountedBy, show, total};
use crate::travel::{self, AS_OF, At, Moment, Names, names_at};

const VIEW: &str = "tally";
const KNOWN_AT: &str = "known_at";
const RESTATED_SINCE: &str = "restated_since";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(count_tickets))
}

/// What is counted, when, and as it was known when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TicketReportQuery {
    /// What had happened by this instant; now if nothing is said. A position means what had been recorded up to there.
    pub as_of: Option<String>,
    /// As it was known at this position: the `known_at` of an earlier answer gives the same numbers for ever.
    pub known_at: Option<String>,
    /// By what, with commas between: `pipeline`, `status`, `status_category`, `owner`, `team`, `priority`, `source`, `channel`. Everything
    /// if nothing is said.
    pub by: Option<String>,
    /// Explains what was recorded after this earlier position about the time before `as_of`.
    pub restated_since: Option<String>,
}

/// Numbers of tickets.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketReport {
    /// What had happened by this instant is counted.
    #[schema(format = DateTime)]
    as_of: String,
    /// As far as it had been recorded up to this position.
    known_at: String,
    /// How many tickets there were.
    tickets: i64,
    /// The same by what was asked for.
    breakdowns: Vec<Breakdown>,
    /// What made the numbers other than they were known before; only if it was asked for.
    restated: Option<RestatedShown>,
}

/// What was recorded between two positions about the time before an instant.
#[derive(Debug, Serialize, ToSchema)]
struct RestatedShown {
    /// After this position.
    since: String,
    /// How many tickets there were as it was known then.
    tickets_then: i64,
    /// Tickets that have become known since.
    tickets_created: i64,
    /// Changes of tickets that have become known since.
    changes: i64,
    /// The first of these events; null if there is none.
    first_position: Option<String>,
    /// The last of them.
    last_position: Option<String>,
}

/// How many tickets there were at an instant.
///
/// A number about the past changes only when something is recorded that happened before: history that is imported. The answer
/// names the position it was made at; asked again with that `known_at`, it gives the same numbers for ever. For those who may
/// see all tickets.
#[utoipa::path(get, path = "/api/v1/reports/tickets", tag = "reports", params(TicketReportQuery),
    responses((status = 200, description = "the numbers", body = TicketReport)))]
async fn count_tickets(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<TicketReportQuery>,
) -> Result<(Stale, Json<TicketReport>), ApiError> {
    let (stale, report) = report(&app, &caller, at_least, &query).await?;
    Ok((stale, Json(report)))
}

/// The same for the command line.
///
/// # Errors
/// As the address answers.
pub async fn report(
    app: &App,
    caller: &Caller,
    at_least: AtLeast,
    query: &TicketReportQuery,
) -> Result<(Stale, TicketReport), ApiError> {
    if caller.scope.view() != Reach::Everything {
        return Err(ApiError::missing_right(Right::TicketsView));
    }
    let by = counted_by(query.by.as_deref())?;
    let (stale, asked) = asked(app, caller, at_least, query).await?;
    let mut dimensions: Vec<Dimension> = by.iter().map(|by| by.dimension()).collect();
    dimensions.push(Dimension::Pipeline);
    dimensions.sort_unstable();
    dimensions.dedup();
    let counts = tally::counts(app.views(), &asked, &dimensions).await?;
    let then = At::Instant(asked.instant);
    let directory = names_at(app, caller, &[then, At::Position(asked.known_at)]).await?;
    let names = Names { directory: Arc::new(directory), at: Some(then) };
    let report = TicketReport {
        as_of: asked.instant.to_string(),
        known_at: asked.known_at.to_string(),
        tickets: total(&counts),
        breakdowns: show(app, caller, &names, (&counts, &by)).await?,
        restated: restated(app, caller, &asked, query.restated_since.as_deref()).await?,
    };
    Ok((stale, report))
}

fn counted_by(text: Option<&str>) -> Result<Vec<CountedBy>, ApiError> {
    let Some(text) = text else { return Ok(CountedBy::ALL.to_vec()) };
    let words = text.split(',').map(|word| {
        word.trim().parse::<CountedBy>().map_err(|()| {
            let message = "takes pipeline, status, status_category, owner, team, priority, source, channel, with commas between";
            ApiError::malformed_field("by", "invalid_parameter", message)
        })
    });
    let mut by = Vec::new();
    for word in words {
        let word = word?;
        if !by.contains(&word) {
            by.push(word);
        }
    }
    Ok(by)
}

/// Instant and position of the numbers. Without a position it is the one the view has reached: it is read before the numbers,
/// and what the view folds meanwhile is left out of them.
async fn asked(
    app: &App,
    caller: &Caller,
    at_least: AtLeast,
    query: &TicketReportQuery,
) -> Result<(Stale, Asked), ApiError> {
    let known_at = position(KNOWN_AT, query.known_at.as_deref())?;
    let (instant, known_at) = match travel::read(AS_OF, query.as_of.as_deref())? {
        None => (None, known_at),
        Some(moment) => match travel::resolve(app, caller, None, (AS_OF, moment)).await? {
            At::Instant(instant) => (Some(instant), known_at),
            At::Position(_) if known_at.is_some() => {
                let message = "an as_of that is a position is the known_at itself";
                return Err(ApiError::malformed_field(KNOWN_AT, "either_or", message));
            }
            At::Position(position) => (None, Some(position)),
        },
    };
    let at_position = known_at.is_some() && instant.is_none();
    let at_least = known_at.map_or(at_least, |position| at_least.and(position));
    if let Some(known_at) = known_at {
        travel::resolve(app, caller, None, (KNOWN_AT, Moment::Position(known_at))).await?;
    }
    let stale = app.await_view(caller, at_least, VIEW).await?;
    let standing = app.checkpoints().standing(caller.ws, VIEW).await?;
    let reached = standing.map(|standing| standing.position).unwrap_or_default();
    if known_at.is_some_and(|known_at| known_at > reached) {
        let detail = "the numbers have not been counted up to that position yet";
        return Err(ApiError::unavailable("view_behind", detail));
    }
    let known_at = known_at.unwrap_or(reached);
    let recorded = recorded_at(app, caller, known_at).await?;
    let instant = instant.unwrap_or(if at_position { recorded } else { app.now().max(recorded) });
    Ok((stale, Asked { ws: caller.ws, instant, known_at, known_at_instant: recorded }))
}

fn position(field: &str, text: Option<&str>) -> Result<Option<LogPosition>, ApiError> {
    match travel::read(field, text)? {
        None => Ok(None),
        Some(Moment::Position(position)) => Ok(Some(position)),
        Some(Moment::Instant(_) | Moment::Version(_)) => {
            Err(ApiError::malformed_field(field, "invalid_parameter", "takes a position"))
        }
    }
}

async fn recorded_at(
    app: &App,
    caller: &Caller,
    position: LogPosition,
) -> Result<Timestamp, ApiError> {
    let found = app.reader().at_positions(caller.ws, &[position]).await?;
    Ok(found.first().map_or(Timestamp::from_micros(0), |event| event.at))
}

async fn restated(
    app: &App,
    caller: &Caller,
    asked: &Asked,
    since: Option<&str>,
) -> Result<Option<RestatedShown>, ApiError> {
    let Some(since) = position(RESTATED_SINCE, since)? else { return Ok(None) };
    if since > asked.known_at {
        let message = "lies after the position that the numbers were known at";
        return Err(ApiError::invalid_field(RESTATED_SINCE, "after_known_at", message));
    }
    let recorded = recorded_at(app, caller, since).await?;
    let before = Asked { known_at: since, known_at_instant: recorded, ..*asked };
    let then = tally::counts(app.views(), &before, &[Dimension::Pipeline]).await?;
    let found = tally::restated(app.views(), asked, since).await?;
    Ok(Some(RestatedShown {
        since: since.to_string(),
        tickets_then: total(&then),
        tickets_created: found.created,
        changes: found.changed,
        first_position: found.first.map(|position| position.to_string()),
        last_position: found.last.map(|position| position.to_string()),
    }))
}
