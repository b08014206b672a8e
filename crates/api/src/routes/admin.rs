//! For operators: what the views are doing.

use axum::Json;
use axum::extract::State;
use event_store::projection::ProjectionStatus;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::Listed;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_projections))
}

/// A view.
#[derive(Serialize, ToSchema)]
struct ProjectionRow {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: u32,
    /// Where its tables are.
    schema: String,
    /// `standby`, `catching_up`, `following`, `backing_off` or `stopped`.
    state: &'static str,
    /// Why, when it is stopped or backing off.
    reason: Option<String>,
    /// The last position in it.
    checkpoint: String,
    /// The newest position this process has heard of.
    head: String,
    /// How many events it is behind.
    lag_events: u64,
    /// How many streams it leaves out.
    quarantined_streams: usize,
    /// Events folded per second while it works.
    events_per_second: f64,
}

/// What every view is doing.
#[utoipa::path(get, path = "/api/v1/admin/projections", tag = "operation",
    responses((status = 200, description = "all views", body = Listed<ProjectionRow>)))]
async fn list_projections(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Listed<ProjectionRow>>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let mine = app.view_status().into_iter().filter(|status| status.ws == caller.ws);
    Ok(Json(Listed { items: mine.map(row).collect(), next_cursor: None }))
}

fn row(status: ProjectionStatus) -> ProjectionRow {
    ProjectionRow {
        name: status.name,
        version: status.version,
        schema: status.schema,
        state: status.state.as_str(),
        reason: status.reason,
        checkpoint: status.checkpoint.to_string(),
        head: status.head.to_string(),
        lag_events: status.lag_events,
        quarantined_streams: status.quarantined,
        events_per_second: status.rate,
    }
}
