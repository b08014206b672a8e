//! Who is responsible for a ticket.

use axum::extract::State;
use commands::ticket::AssignTicket;
use decider::Personal;
use events::value::Owner;
use events::{TeamId, TicketEvent, UserId};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::fold::{self, TicketName};
use crate::write::{Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(assign_ticket))
}

/// Who is responsible from now on; nobody when neither is named.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AssignBody {
    /// The user.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    user_id: Option<UserId>,
    /// The team.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<TeamId>,
    /// A word to the new owner.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    note: Option<Personal<String>>,
}

/// Makes somebody responsible, or nobody.
#[utoipa::path(put, path = "/api/v1/tickets/{id}/owner", tag = "tickets",
    params(("id" = String, Path, description = "id or number")),
    request_body = AssignBody, responses((status = 200, description = "assigned", body = Written)))]
async fn assign_ticket(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<AssignBody>,
) -> Result<Answer, ApiError> {
    let ticket_id = fold::id_of(&app, &write.caller, name).await?;
    let AssignBody { user_id, team_id, note } = &write.body;
    let named = user_id.is_some() || team_id.is_some();
    let to = named.then_some(Owner { user: *user_id, team: *team_id });
    let command = AssignTicket { ticket_id, to, note: note.clone() };
    Ok(Answer::ok(app.write(&write, target::<TicketEvent>(ticket_id), command).await?))
}
