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
use crate::show::fold::{self, TicketName};
use crate::show::page;
use crate::show::timeline::{TimelineEntry, show};

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
    responses((status = 200, description = "a page of lines", body = Listed<TimelineEntry>)))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    at_least: AtLeast,
    Params(query): Params<TimelineQuery>,
) -> Result<(Stale, Json<Listed<TimelineEntry>>), ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let newest = matches!(query.order, Order::NewestFirst);
    let list = format!("timeline.{newest}.{ticket}");
    let start = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let stale = app.await_view(&caller, at_least, "timeline").await?;
    let (views, limit) = (app.views(), u32::from(query.limit.0));
    let found = match query.order {
        Order::OldestFirst => timeline::page(views, caller.ws, ticket, start, limit).await?,
        Order::NewestFirst => timeline::newest(views, caller.ws, ticket, start, limit).await?,
    };
    let items = show(&app, &caller, ticket, found.items).await?;
    Ok((stale, Json(page::listed(&app, &caller, &list, found.next, items))))
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
