//! What happened to a ticket: as lines for people (T20), and as the stored events (Z01).

use std::collections::BTreeSet;
use std::sync::Arc;

use ::events::audit::{ExportFormat, ExportedData};
use ::events::{TicketEvent, TicketId};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use commands::ticket::undo::History;
use decider::{Timestamp, Version};
use projections::effect::Until;
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
use crate::show::fold::{self, TicketName, visit};
use crate::show::page;
use crate::show::timeline::{TimelineEntry, show};
use crate::show::undo::history;
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
    fn filter(&self) -> timeline::Wanted {
        timeline::Wanted {
            actor: self.actor.map(|ActorName(actor)| actor.to_string()),
            kinds: self.kind.as_ref().map(|kinds| kinds.names()),
            from: self.from.map(Timestamp::as_micros),
            until: self.until.map(Timestamp::as_micros),
            place: Until::PRESENT,
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
    names: Names,
    history: History,
}

impl Lines {
    async fn page(
        &self,
        start: Option<Cursor>,
        limit: u32,
    ) -> Result<(Vec<TimelineEntry>, Option<Cursor>), ApiError> {
        let Self { app, caller, ticket, wanted, .. } = self;
        let (views, of) = (app.views(), (caller.ws, *ticket));
        let found = match self.order {
            Order::OldestFirst => timeline::page(views, of, wanted, start, limit).await?,
            Order::NewestFirst => timeline::newest(views, of, wanted, start, limit).await?,
        };
        let lines = (found.items, &self.history);
        Ok((show(app, caller, (*ticket, &self.names), lines).await?, found.next))
    }

    /// All of them as a file, which is recorded before it leaves.
    async fn file(self, format: ExportFormat, filtered: bool) -> Result<Response, ApiError> {
        let export = self.app.begin_export()?;
        let (data, ticket) = (ExportedData::TicketTimeline, Some(self.ticket));
        let leaving = Leaving { data, format, filtered, ticket };
        self.app.record_export(&self.caller, leaving).await?;
        let name = format!("timeline-{}", self.ticket);
        let lines = Arc::new(self);
        let next = move |place| {
            let lines = Arc::clone(&lines);
            async move { lines.page(place, ROWS_AT_A_TIME).await }
        };
        export.answer((format, &name), next).await
    }
}

/// Every event of a ticket as a line.
///
/// With `format` the whole of it as a file, which is recorded in the audit log. Cells of a table that a spreadsheet would take
/// for a formula begin with a quote mark. A file that breaks off was not written to its end.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/timeline", tag = "timeline",
    params(("id" = String, Path, description = "id or number"), TimelineQuery),
    responses((status = 200, description = "a page of lines; with `format` a file", content(
        (Travelled<Listed<TimelineEntry>> = "application/json"), (String = "text/csv"),
        (String = "application/x-ndjson")))))]
async fn get_timeline(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    at_least: AtLeast,
    Params(query): Params<TimelineQuery>,
) -> Result<Response, ApiError> {
    let moment = travel::read(AS_OF, query.as_of.as_deref())?;
    let (ticket, then) = visit(&app, &caller, name, moment).await?;
    let at_least = then.as_ref().map_or(at_least, |then| at_least.and(then.ticket.position));
    let stale = app.await_view(&caller, at_least, "timeline").await?;
    let filter = query.filter();
    let list = list_at(&format!("timeline.{:?}.{filter:?}.{ticket}", query.order), moment);
    let start = page::start(&app, &caller, &list, query.cursor.as_deref())?;
    let filtered = filter != timeline::Wanted::default() || then.is_some();
    let place = then.as_ref().map_or(Until::PRESENT, |then| then.until);
    let wanted = timeline::Wanted { place, ..filter };
    let lines = Lines {
        names: Names::of(&app, &caller, then.as_ref().map(|then| then.at)).await?,
        history: history(&app, &caller, ticket, then.as_ref()).await?,
        app: app.clone(),
        caller: caller.clone(),
        ticket,
        wanted,
        order: query.order,
    };
    if let Some(format) = query.format.file() {
        return Ok((stale, lines.file(format, filtered).await?).into_response());
    }
    let (items, next) = lines.page(start, u32::from(query.limit.0)).await?;
    let shown = page::listed(&app, &caller, &list, next, items);
    let as_of = then.as_ref().map(Journey::shown);
    Ok((stale, Json(Travelled { shown, as_of })).into_response())
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
