//! The status of a ticket (T08, T10).

use axum::extract::State;
use commands::ticket::{ChangeStatus, PropertyInputs};
use events::{StatusId, TicketEvent};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tickets::Properties;
use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::fold::{self, TicketName};
use crate::write::{Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(change_status))
}

/// Another status.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeStatusBody {
    /// The status, one of the ticket's pipeline.
    #[schema(value_type = Uuid)]
    status_id: StatusId,
    /// Values of custom properties by key or id, set together with it.
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: Properties,
}

/// Moves a ticket to another status, with the properties it asks for.
#[utoipa::path(put, path = "/api/v1/tickets/{id}/status", tag = "tickets",
    params(("id" = String, Path, description = "id or number")),
    request_body = ChangeStatusBody, responses((status = 200, description = "changed", body = Written)))]
async fn change_status(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<ChangeStatusBody>,
) -> Result<Answer, ApiError> {
    let ticket_id = fold::id_of(&app, &write.caller, name).await?;
    let properties = PropertyInputs(write.body.properties.clone());
    let command = ChangeStatus { ticket_id, status_id: write.body.status_id, properties };
    Ok(Answer::ok(app.write(&write, target::<TicketEvent>(ticket_id), command).await?))
}
