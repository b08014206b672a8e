//! Taking back what happened to a ticket (Z11).

use std::sync::Arc;

use axum::extract::State;
use commands::ticket::UndoChange;
use decider::LogPosition;
use event_store::handler::Accepted;
use events::{TicketEvent, TicketId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::fold::{self, TicketName};
use crate::show::undo::{history, mirrors};
use crate::write::{Write, target};

/// How often the history is read again when the ticket changes meanwhile.
const ATTEMPTS_MAX: u8 = 5;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(undo_change))
}

/// What to take back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UndoBody {
    /// The `position` of the event, as the timeline shows it; the caller's last action that can be taken back if nothing is
    /// said.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    position: Option<LogPosition>,
}

/// What was taken back.
#[derive(Serialize, ToSchema)]
struct Undone {
    #[serde(flatten)]
    written: Written,
    /// The positions of the events that were taken back. To bring them back, take back what this wrote.
    undone: Vec<String>,
}

/// Takes back an event of a ticket by one that does the opposite.
///
/// The rules of the way there hold on the way back. Refused with 422 `undo_blocked` when later events touched the same or rest
/// on it, `already_undone`, or `not_reversible`; `blocked_by` names the events.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/undo", tag = "tickets",
    params(("id" = String, Path, description = "id or number")),
    request_body = UndoBody, responses((status = 200, description = "taken back", body = Undone),
        (status = 422, description = "it stays, and why", body = crate::Problem,
            content_type = "application/problem+json")))]
async fn undo_change(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<UndoBody>,
) -> Result<Answer<Undone>, ApiError> {
    let ticket_id = fold::visible(&app, &write.caller, name).await?;
    let accepted = undo(&app, &write, ticket_id).await?;
    let written = app.written(&write.caller, ticket_id.0, &accepted).await?;
    let undone = accepted.events().iter().filter(|event| event.stream == ticket_id.0);
    let undone = undone.filter_map(|event| event.context.undoes).map(|at| at.to_string());
    let undone = undone.collect();
    Ok(Answer::with(StatusCode::OK, written, |written| Undone { written, undone }))
}

async fn undo(
    app: &App,
    write: &Write<UndoBody>,
    ticket_id: TicketId,
) -> Result<Accepted, ApiError> {
    let position = write.body.position;
    let mut attempts = 0;
    loop {
        let history = history(app, &write.caller, ticket_id, None).await?;
        let mirrors = mirrors(app, &write.caller, &history, position).await?;
        let command = UndoChange { ticket_id, position, history: Arc::new(history), mirrors };
        let target = target::<TicketEvent>(ticket_id);
        let done = app.execute(&write.caller, &write.meta, target, command).await;
        attempts += 1;
        match done {
            Err(error) if error.code() == "undo_outdated" && attempts < ATTEMPTS_MAX => {}
            done => return done,
        }
    }
}
