//! The first administrator of a workspace, let in by the one-time link that the console shows.

use axum::extract::State;
use axum::response::Response;
use commands::user::{AddUser, RecordPasswordSet};
use decider::{Actor, Command, CommandId, EventContext, Personal, WorkspaceId};
use event_store::handler::{Accepted, Request};
use events::UserId;
use events::sign_in::SignInMethod;
use events::user::Role;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::session::{Client, Me, begin};
use crate::app::App;
use crate::body::Strict;
use crate::error::{ApiError, Kind};
use crate::{json, password};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(set_up))
}

/// The first administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetupBody {
    /// The token of the link.
    pub token: String,
    /// The administrator's name.
    pub name: String,
    /// The address to sign in with.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Sets up the workspace: the first administrator, signed in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "session", request_body = SetupBody,
    responses((status = 200, description = "set up and signed in", body = Me)))]
async fn set_up(
    State(app): State<App>,
    client: Client,
    Strict(body): Strict<SetupBody>,
) -> Result<Response, ApiError> {
    let (ws, user) = first_administrator(&app, &body).await?;
    begin(&app, (ws, user), (SignInMethod::SetupLink, client.address)).await
}

/// Each step may be repeated: the token ends only when all are done, and its commands have ids made from it.
pub(super) async fn first_administrator(
    app: &App,
    body: &SetupBody,
) -> Result<(WorkspaceId, UserId), ApiError> {
    let setup = &app.ops().setup;
    let ws = setup.peek_setup(&body.token, app.now()).await?.ok_or_else(spent)?;
    password::check("password", &body.password)?;
    let user_id = UserId(derived(app, ws, body, "user"));
    let directory = app.directory(ws).await?;
    if directory.users().any(|(id, _)| id != user_id) {
        return Err(spent());
    }
    let add = AddUser {
        user_id,
        name: Personal(body.name.clone()),
        email: Personal(body.email.clone()),
        role: Role::SuperAdmin,
    };
    execute(app, ws, body, "add", add).await?;
    let login = ops::Login { ws, user: user_id.0 };
    app.ops().credentials.set_password(login, &body.email, &body.password, app.now()).await?;
    execute(app, ws, body, "password", RecordPasswordSet { user_id }).await?;
    // Of two who came at once with the same words, both are the same administrator; the link ends with the first.
    setup.consume_setup(&body.token, app.now()).await?;
    Ok((ws, user_id))
}

async fn execute(
    app: &App,
    ws: WorkspaceId,
    body: &SetupBody,
    step: &str,
    command: impl Command,
) -> Result<Accepted, ApiError> {
    let fields = [&body.name, &body.email, &body.password].map(String::as_str);
    let request = Request {
        ws,
        id: CommandId(derived(app, ws, body, step)),
        body: json::canonical(&serde_json::Value::from(fields.to_vec())),
        actor: Actor::SYSTEM,
        context: EventContext::default(),
        expected: None,
        command: Arc::new(command),
    };
    Ok(app.handler().handle(request).await?)
}

/// An id made from the token: whoever repeats the request means the same administrator.
fn derived(app: &App, ws: WorkspaceId, body: &SetupBody, what: &str) -> Uuid {
    let code = app.vault().mac(ws, "api.setup", body.token.as_bytes());
    Uuid::new_v5(&Uuid::new_v5(&ws.0, &code), what.as_bytes())
}

fn spent() -> ApiError {
    let detail =
        "this link is no longer valid; the console shows a new one at the next start without users";
    ApiError::new(Kind::NotFound, "setup_link_invalid", detail)
}
