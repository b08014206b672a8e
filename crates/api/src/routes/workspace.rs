//! Settings of the workspace.

use axum::Json;
use axum::extract::State;
use commands::workspace::SetAssignOnFirstReply;
use decider::Version;
use events::WorkspaceEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::write::{Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(get_workspace, change_workspace))
}

/// The workspace.
#[derive(Serialize, ToSchema)]
struct WorkspaceRow {
    /// The id.
    id: Uuid,
    /// The pipeline of new tickets that name none.
    default_pipeline_id: Option<Uuid>,
    /// Whether the first reply assigns an unassigned ticket to its sender (C09).
    assign_on_first_reply: bool,
    /// Its version.
    version: Version,
}

/// What changes of the workspace.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WorkspaceBody {
    /// Whether the first reply assigns an unassigned ticket to its sender (C09).
    #[serde(default)]
    assign_on_first_reply: Option<bool>,
}

/// The settings of the workspace.
#[utoipa::path(get, path = "/api/v1/workspace", tag = "workspace",
    responses((status = 200, description = "the settings", body = WorkspaceRow)))]
async fn get_workspace(
    State(app): State<App>,
    caller: Caller,
) -> Result<(Etag, Json<WorkspaceRow>), ApiError> {
    let directory = app.directory(caller.ws).await?;
    let id = directory.workspace_id().ok_or_else(ApiError::not_found)?;
    let version = app.version_of(&caller, id).await?;
    let row = WorkspaceRow {
        id,
        default_pipeline_id: directory.default_pipeline().map(Uuid::from),
        assign_on_first_reply: directory.settings().assign_on_first_reply,
        version,
    };
    Ok((Etag(version), Json(row)))
}

/// Changes settings of the workspace; what is not named stays.
#[utoipa::path(patch, path = "/api/v1/workspace", tag = "workspace", request_body = WorkspaceBody,
    responses((status = 200, description = "changed", body = Written)))]
async fn change_workspace(
    State(app): State<App>,
    write: Write<WorkspaceBody>,
) -> Result<Answer, ApiError> {
    let directory = app.newest_directory(write.caller.ws).await?;
    let id = directory.workspace_id().ok_or_else(ApiError::not_found)?;
    let current = directory.settings().assign_on_first_reply;
    let command =
        SetAssignOnFirstReply { enabled: write.body.assign_on_first_reply.unwrap_or(current) };
    Ok(Answer::ok(app.write(&write, target::<WorkspaceEvent>(id), command).await?))
}
