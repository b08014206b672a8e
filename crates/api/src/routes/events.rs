//! The log in order, for those who keep a copy (W05).

use std::collections::{BTreeSet, HashMap};

use access::TicketSight;
use axum::Json;
use axum::extract::State;
use decider::LogPosition;
use event_store::log::{Bookmark, Outline};
use events::TicketId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::list::Limit;
use crate::live::{Sight, Subject, Viewer, WITH_PAYLOAD, now};
use crate::read::Params;
use crate::show::events::{EventShown, show};

/// So many positions one request looks at, whether or not the caller may see what is there.
const POSITIONS_MAX: u32 = 1_000;
/// So many bytes of payload one answer opens, and at least one event.
const PAYLOAD_BYTES_MAX: u64 = 4 << 20;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_events))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EventsQuery {
    /// What was read already: the `bookmark` of the page before, or a bare position. From the first event if nothing is said.
    #[param(value_type = Option<String>)]
    after: Option<Bookmark>,
    /// How many events at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
}

/// A page of the log.
#[derive(Serialize, ToSchema)]
struct EventPage {
    /// The events. There may be none although more follow: those here are not for the caller.
    items: Vec<EventShown>,
    /// What the next page comes `after`: the bookmark. Null when there is nothing more at this moment.
    next_cursor: Option<String>,
    /// Everything up to here was looked at.
    position: String,
    /// Where to go on later: the position with a mark of the event that stands there, `POSITION-MARK`.
    #[schema(value_type = String)]
    bookmark: Bookmark,
}

/// The log in order.
///
/// Whoever reads from the beginning and goes on after each `bookmark` has every event that they may see, once, for ever. If the log
/// was set back meanwhile (a restore, a failover that lost something), so that another event stands there or none, the answer is
/// 409 `log_rewound`: the copy holds what did not happen. A bare position is taken too, and not compared. What was erased reads
/// as erased. Drafts are not in it. Tickets are judged by who sees them now: when one becomes visible, its earlier
/// events are at `/tickets/{id}/events`; of the change by which one ceases to be visible only the envelope is left, as a sign
/// to drop it.
#[utoipa::path(get, path = "/api/v1/events", tag = "live", params(EventsQuery),
    responses((status = 200, description = "a page of events, oldest first", body = EventPage),
        (status = 409, description = "the log was set back, and `after` names what is no longer in it",
            body = crate::Problem, content_type = "application/problem+json")))]
async fn list_events(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<EventsQuery>,
) -> Result<Json<EventPage>, ApiError> {
    caller.require(access::Right::TicketsView)?;
    let after = query.after.unwrap_or_default();
    let outlines =
        app.reader().outline(caller.ws, after.position, POSITIONS_MAX, WITH_PAYLOAD).await?;
    let after = standing(&app, &caller, after, outlines.is_empty()).await?;
    let chosen = Chosen::of(&app, &caller, &outlines, query.limit).await?;
    let full = outlines.len() == POSITIONS_MAX as usize;
    let reached = outlines.last().map_or(after, Outline::bookmark);
    let bookmark = chosen.cut_at.unwrap_or(reached);
    let mut stored = app.reader().at_positions(caller.ws, &chosen.positions).await?;
    stored.sort_by_key(|event| event.position);
    let items = show(&app, &caller, stored, &chosen.withheld).await?;
    let more = full || bookmark.position < reached.position;
    let next_cursor = more.then(|| bookmark.to_string());
    Ok(Json(EventPage { items, next_cursor, position: bookmark.position.to_string(), bookmark }))
}

/// Where the caller left off, as it stands in this log. Looked up after what follows it was read: a log that is set back in
/// between is noticed too. Without a mark there is nothing to compare, only whether there is such a position.
async fn standing(
    app: &App,
    caller: &Caller,
    after: Bookmark,
    at_the_end: bool,
) -> Result<Bookmark, ApiError> {
    let Bookmark { position, mark } = after;
    if position.0 == 0 || mark.is_none() && !at_the_end {
        return Ok(after);
    }
    match app.reader().mark_at(caller.ws, position).await? {
        Some(stands) if mark.is_none_or(|mark| mark == stands) => {
            Ok(Bookmark { position, mark: Some(stands) })
        }
        None if mark.is_none() => {
            let message = "lies beyond the end of the log";
            Err(ApiError::malformed_field("after", "beyond_the_log", message))
        }
        Some(_) | None => Err(rewound()),
    }
}

fn rewound() -> ApiError {
    let detail = "the log was set back, and what `after` names is no longer in it: drop the copy and read from 0, or drop \
        what came after a position known to be common, and go on after that position without a mark";
    ApiError::new(Kind::Conflict, "log_rewound", detail)
}

/// Which events of a stretch are answered.
#[derive(Default)]
struct Chosen {
    positions: Vec<LogPosition>,
    /// Those of which only the envelope is shown.
    withheld: BTreeSet<LogPosition>,
    /// The last event of a full page.
    cut_at: Option<Bookmark>,
}

impl Chosen {
    async fn of(
        app: &App,
        caller: &Caller,
        outlines: &[Outline],
        limit: Limit,
    ) -> Result<Self, ApiError> {
        let viewer = Viewer { user: caller.user, scope: caller.scope };
        let sights = sights(app, caller, &viewer, outlines).await?;
        let (mut chosen, mut bytes, mut last) = (Self::default(), 0, None);
        for event in outlines {
            let Some(shown) = judge(event, &viewer, &sights)? else { continue };
            bytes += event.payload_bytes;
            if bytes > PAYLOAD_BYTES_MAX && last.is_some() {
                chosen.cut_at = last.map(Outline::bookmark);
                break;
            }
            chosen.positions.push(event.position);
            last = Some(event);
            if shown == Shown::Envelope {
                chosen.withheld.insert(event.position);
            }
            if chosen.positions.len() == usize::from(limit.0) {
                chosen.cut_at = Some(event.bookmark());
                break;
            }
        }
        Ok(chosen)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Whole,
    Envelope,
}

/// How much of an event somebody may see; none if nothing.
fn judge(
    event: &Outline,
    viewer: &Viewer,
    sights: &HashMap<TicketId, TicketSight>,
) -> Result<Option<Shown>, ApiError> {
    match Subject::of(event) {
        Subject::Draft(_) => Ok(None),
        // Passed over it would be lost: an event that cannot be read has to be noticed.
        Subject::Unknown => Ok(Some(Shown::Whole)),
        subject @ Subject::Ticket(ticket) if viewer.is_limited() => {
            let now = sights.get(&ticket).copied().unwrap_or_default();
            if viewer.scope.sees(&now) {
                return Ok(Some(Shown::Whole));
            }
            let changed = Sight::changed_by(event).map_err(ApiError::failed)?;
            Ok(subject.is_open_to(viewer, changed.as_ref()).then_some(Shown::Envelope))
        }
        subject => Ok(subject.is_open_to(viewer, None).then_some(Shown::Whole)),
    }
}

/// Who sees the tickets of a stretch now: only asked for those who do not see all.
async fn sights(
    app: &App,
    caller: &Caller,
    viewer: &Viewer,
    outlines: &[Outline],
) -> Result<HashMap<TicketId, TicketSight>, ApiError> {
    if !viewer.is_limited() {
        return Ok(HashMap::new());
    }
    let tickets = outlines.iter().filter_map(|event| match Subject::of(event) {
        Subject::Ticket(ticket) => Some(ticket),
        Subject::Draft(_)
        | Subject::Access(_)
        | Subject::Erasure(_)
        | Subject::Audit { .. }
        | Subject::Common { .. }
        | Subject::Unknown => None,
    });
    let tickets: Vec<TicketId> = tickets.collect::<BTreeSet<_>>().into_iter().collect();
    Ok(now(app.reader(), caller.ws, &tickets).await?)
}
