//! What happened to a ticket: as lines for people (T20), and as the stored events (Z01).

use std::collections::BTreeSet;
use std::sync::Arc;

use ::events::audit::ExportedData;
use ::events::{TicketEvent, TicketId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use decider::{Timestamp, Version};
use projections::{Cursor, timeline};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::export::{Format, ROWS_AT_A_TIME};
use crate::filter::{ActorName, Kinds};
use crate::list::{Limit, Listed, PageQuery};
use crate::read::{AtLeast, Id, Params};
use crate::recorded::Leaving;
use crate::show::events::{self, EventShown};
use crate::show::fold::{self, TicketName};
use crate::show::page;
use crate::show::timeline::{TimelineEntry, show};
use crate::show::undo;

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
    /// Only what this actor did: its kind and id, such as `user:0190…`; `system` is the program itself.
    #[param(value_type = Option<String>)]
    actor: Option<ActorName>,
    /// Only events of these stored types, such as `StatusChanged,OwnerChanged`.
    #[param(value_type = Option<String>)]
    kind: Option<Kinds<TicketEvent>>,
    /// Only what happened at this instant or later.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Only what happened before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// `csv` or `ndjson` for all of it as a file, without `limit` and `cursor`; a page of JSON if nothing is said.
    #[serde(default)]
    #[param(inline, required = false)]
    format: Format,
}

impl TimelineQuery {
    fn wanted(&self) -> timeline::Wanted {
        timeline::Wanted {
            actor: self.actor.map(|ActorName(actor)| actor.to_string()),
            kinds: self.kind.as_ref().map(|kinds| kinds.names()),
            from: self.from.map(Timestamp::as_micros),
            until: self.until.map(Timestamp::as_micros),
        }
    }
}

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// The oldest.
    #[default]
    OldestFirst,
    /// The newest.
    NewestFirst,
}

/// Lines of one ticket's timeline.
struct Lines {
    app: App,
    caller: Caller,
    ticket: TicketId,
    wanted: timeline::Wanted,
    order: Order,
}

impl Lines {
    async fn page(
        &self,
        start: Option<Cursor>,
        limit: u32,
    ) -> Result<(Vec<TimelineEntry>, Option<Cursor>), ApiError> {
        let Self { app, caller, ticket, wanted, order } = self;
        let (views, of) = (app.views(), (caller.ws, *ticket));
        let found = match order {
            Order::OldestFirst => timeline::page(views, of, wanted, start, limit).await?,
            Order::NewestFirst => timeline::newest(views, of, wanted, start, limit).await?,
        };
        let history = undo::history(app, caller, *ticket).await?;
        let lines = show(app, caller, *ticket, (found.items, &history)).await?;
        Ok((lines, found.next))
    }
}

/// Every event of a ticket as a line.
///
/// With `format` the whole of it as a file, which is recorded in the audit log. Cells of a table that a spreadsheet would take
/// for a formula begin with a quote mark. A file that breaks off was not written to its end.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/timeline", tag = "timeline",
    params(("id" = String, Path, description = "id or number"), TimelineQuery),
    responses((status = 200, description = "a page of lines; with `format` a file", content(
        (Listed<TimelineEntry> = "application/json"), (String = "text/csv"),
        (String = "application/x-ndjson")))))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    at_least: AtLeast,
    Params(query): Params<TimelineQuery>,
) -> Result<Response, ApiError> {
    let ticket = fold::visible(&app, &caller, name).await?;
    let stale = app.await_view(&caller, at_least, "timeline").await;
    let (wanted, order) = (query.wanted(), query.order);
    let lines =
        Lines { app: app.clone(), caller: caller.clone(), ticket, wanted: wanted.clone(), order };
    if let Some(format) = query.format.file() {
        let export = app.begin_export()?;
        let filtered = wanted != timeline::Wanted::default();
        let data = ExportedData::TicketTimeline;
        let leaving = Leaving { data, format, filtered, ticket: Some(ticket) };
        app.record_export(&caller, leaving).await?;
        let lines = Arc::new(lines);
        let next = move |place| {
            let lines = Arc::clone(&lines);
            async move { lines.page(place, ROWS_AT_A_TIME).await }
        };
        let name = format!("timeline-{ticket}");
        return Ok((stale, export.answer((format, &name), next).await?).into_response());
    }
    let list = format!("timeline.{order:?}.{wanted:?}.{ticket}");
    let start = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let (items, next) = lines.page(start, u32::from(query.limit.0)).await?;
    Ok((stale, Json(page::listed(&app, &caller, &list, next, items))).into_response())
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
