//! What happened to a ticket: as lines for people (T20), and as the stored events (Z01).

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use decider::Version;
use projections::timeline;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::Stale;
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Limit, Listed, PageQuery};
use crate::read::{AtLeast, Id, Params};
use crate::show::events::{self, EventShown};
use crate::show::fold::{self, TicketName, visit};
use crate::show::page;
use crate::show::timeline::{TimelineEntry, show};
use crate::travel::{self, AS_OF, Journey, Names, Travelled, list_at};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_timeline)).routes(routes!(get_events))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TimelineQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// Which end comes first; the oldest if nothing is said.
    #[serde(default)]
    #[param(inline, required = false)]
    order: Order,
    /// The timeline as it was (Z04): an instant, `position:123` or `version:7`.
    as_of: Option<String>,
}

/// Which end comes first.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// The oldest.
    #[default]
    OldestFirst,
    /// The newest.
    NewestFirst,
}

/// Every event of a ticket as a line.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/timeline", tag = "timeline",
    params(("id" = String, Path, description = "id or number"), TimelineQuery),
    responses((status = 200, description = "a page of lines", body = Travelled<Listed<TimelineEntry>>)))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    at_least: AtLeast,
    Params(query): Params<TimelineQuery>,
) -> Result<(Stale, Json<Travelled<Listed<TimelineEntry>>>), ApiError> {
    let moment = travel::read(AS_OF, query.as_of.as_deref())?;
    let (ticket, then) = visit(&app, &caller, name, moment).await?;
    let newest = matches!(query.order, Order::NewestFirst);
    let list = list_at(&format!("timeline.{newest}.{ticket}"), moment);
    let start = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let at_least = then.as_ref().map_or(at_least, |then| at_least.and(then.ticket.position));
    let stale = app.await_view(&caller, at_least, "timeline").await?;
    let (views, limit) = (app.views(), u32::from(query.limit.0));
    let whose = (caller.ws, ticket);
    let found = match (query.order, &then) {
        (Order::OldestFirst, None) => {
            timeline::page(views, caller.ws, ticket, start, limit).await?
        }
        (Order::NewestFirst, None) => {
            timeline::newest(views, caller.ws, ticket, start, limit).await?
        }
        (Order::OldestFirst, Some(then)) => {
            timeline::page_until(views, whose, &then.until, start, limit).await?
        }
        (Order::NewestFirst, Some(then)) => {
            timeline::newest_until(views, whose, &then.until, start, limit).await?
        }
    };
    let names = Names::of(&app, &caller, then.as_ref().map(|then| then.at)).await?;
    let items = show(&app, &caller, (ticket, &names), found.items).await?;
    let shown = page::listed(&app, &caller, &list, found.next, items);
    Ok((stale, Json(Travelled { shown, as_of: then.as_ref().map(Journey::shown) })))
}

/// The stored events of a ticket, their sealed values opened.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/events", tag = "timeline",
    params(("id" = String, Path, description = "id or number"), PageQuery),
    responses((status = 200, description = "a page of events, oldest first", body = Listed<EventShown>)))]
async fn get_events(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<EventShown>>, ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let list = format!("events.{ticket}");
    let after: Option<Version> = app.read_cursor(&caller, &list, query.cursor.as_deref())?;
    let (after, wanted) = (after.unwrap_or_default(), u32::from(query.limit.0) + 1);
    let stored = app.reader().stream_page(caller.ws, ticket.0, after, wanted).await?;
    let cursor = |last: &decider::StoredEvent| app.cursor(&caller, &list, &last.version);
    let found = Listed::cut(stored, query.limit, cursor);
    let items = events::show(&app, &caller, found.items, &BTreeSet::new()).await?;
    Ok(Json(Listed { items, next_cursor: found.next_cursor }))
}
