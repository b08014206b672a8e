//! What happened to a ticket between two places (Z04).

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::read::{Id, Params};
use crate::show::diff::{TicketDiff, compare};
use crate::show::fold::{self, TicketName};
use crate::travel::{self, At};

const FROM: &str = "from";
const TO: &str = "to";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_diff))
}

/// Between which places.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DiffQuery {
    /// The earlier place: an instant, `position:123` or `version:7`.
    pub from: String,
    /// The later place; the present if nothing is said.
    pub to: Option<String>,
}

/// What is different about a ticket at a later place, who made it so, and what was said meanwhile.
#[utoipa::path(get, path = "/api/v1/tickets/{id}/diff", tag = "tickets",
    params(("id" = String, Path, description = "id or number"), DiffQuery),
    responses((status = 200, description = "the difference", body = TicketDiff)))]
async fn get_diff(
    State(app): State<App>,
    caller: Caller,
    Id(name): Id<TicketName>,
    Params(query): Params<DiffQuery>,
) -> Result<Json<TicketDiff>, ApiError> {
    Ok(Json(diff(&app, &caller, name, &query).await?))
}

/// The same for the command line.
///
/// # Errors
/// As the address answers.
pub async fn diff(
    app: &App,
    caller: &Caller,
    name: TicketName,
    query: &DiffQuery,
) -> Result<TicketDiff, ApiError> {
    let from = travel::moment(FROM, &query.from)?;
    let to = travel::read(TO, query.to.as_deref())?;
    let id = fold::id_of(app, caller, name).await?;
    let to = match to {
        Some(moment) => travel::journey(app, caller, id, (TO, moment)).await?,
        None => {
            let now = fold::fold(app, caller, name).await?;
            travel::back_to(app, caller, id, At::Position(now.position)).await?
        }
    };
    let from = travel::journey(app, caller, id, (FROM, from)).await?;
    let is_after = from.until.newest > to.until.newest || from.changed_in > to.changed_in;
    if is_after {
        return Err(ApiError::invalid_field(FROM, "from_after_to", "lies after the later place"));
    }
    compare(app, caller, from, to).await
}
