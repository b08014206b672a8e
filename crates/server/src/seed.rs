//! The first start: a workspace to work in, and its first administrator. Harmless when repeated or done by two at once.

use commands::user::{AddUser, RecordPasswordSet};
use commands::workspace::{CreateWorkspace, SeedIds};
use decider::{Actor, CommandId, Personal, WorkspaceId};
use events::user::Role;
use events::{PipelineId, StatusId, UserId};
use ops::{Login, Secret};
use uuid::Uuid;

use crate::config::FirstAdmin;
use crate::service::{Service, ServiceError, now};

/// What a new workspace is called until somebody says otherwise.
const NAME: &str = "Ledgerdesk";

/// Makes sure that a workspace exists in the log. Its ids follow from its own, so that a second attempt is the same command.
pub async fn workspace(service: &Service, ws: WorkspaceId) -> Result<(), ServiceError> {
    service.handler.ready(ws).await.map_err(ServiceError::Setup)?;
    if service.handler.directory::<commands::Directory>(ws).workspace_id().is_some() {
        return Ok(());
    }
    let status_ids = [1, 2, 3, 4].map(|number| StatusId(derived(ws, &format!("status {number}"))));
    let command = CreateWorkspace {
        workspace_id: derived(ws, "workspace"),
        name: NAME.to_owned(),
        seed: SeedIds { pipeline_id: PipelineId(derived(ws, "pipeline")), status_ids },
    };
    send(service, ws, "first workspace", command).await
}

/// Whether anybody can sign in.
pub fn has_users(service: &Service, ws: WorkspaceId) -> bool {
    service.handler.directory::<commands::Directory>(ws).users().next().is_some()
}

/// Makes the first administrator when there is nobody yet, or finishes what an earlier start began.
pub async fn administrator(
    service: &Service,
    ws: WorkspaceId,
    admin: &FirstAdmin,
) -> Result<(), ServiceError> {
    let user = UserId(derived(ws, "first administrator"));
    let directory = service.handler.directory::<commands::Directory>(ws);
    if directory.users().any(|(id, _)| id != user) || is_done(service, ws, "first password").await?
    {
        return Ok(());
    }
    let before_at = admin.email.split('@').next().unwrap_or("Administrator");
    let command = AddUser {
        user_id: user,
        name: Personal(admin.name.clone().unwrap_or_else(|| before_at.to_owned())),
        email: Personal(admin.email.clone()),
        role: Role::SuperAdmin,
    };
    send(service, ws, "first administrator", command).await?;
    let login = Login { ws, user: user.0 };
    let credentials = &service.ops.credentials;
    credentials.set_password(login, &admin.email, admin.password.expose(), now()).await?;
    send(service, ws, "first password", RecordPasswordSet { user_id: user }).await
}

/// A one-time link for the first administrator, when there is nobody yet.
pub async fn setup_token(
    service: &Service,
    ws: WorkspaceId,
) -> Result<Option<Secret>, ServiceError> {
    if has_users(service, ws) {
        return Ok(None);
    }
    Ok(Some(service.ops.setup.issue_setup(ws, now()).await?))
}

async fn is_done(service: &Service, ws: WorkspaceId, key: &str) -> Result<bool, ServiceError> {
    let id = CommandId::from_key(ws, Actor::SYSTEM, key);
    let rows = service.reader.commands(ws, &[id]).await.map_err(ServiceError::Log)?;
    Ok(rows.into_iter().flatten().next().is_some())
}

async fn send(
    service: &Service,
    ws: WorkspaceId,
    key: &str,
    command: impl decider::Command,
) -> Result<(), ServiceError> {
    let id = CommandId::from_key(ws, Actor::SYSTEM, key);
    service.handle(ws, id, command).await.map(drop).map_err(ServiceError::Setup)
}

fn derived(ws: WorkspaceId, what: &str) -> Uuid {
    Uuid::new_v5(&ws.0, what.as_bytes())
}
