//! Users: persons who sign in.

use axum::Json;
use axum::extract::State;
use commands::Directory;
use commands::user::{
    AddUser, ChangeRole, DeactivateUser, LiveUser, ReactivateUser, RecordPasswordSet, RenameUser,
};
use decider::Personal;
use events::user::Role;
use events::{UserEvent, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::session::Client;
use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::list::{Listed, PageQuery};
use crate::opened::{Shown, open};
use crate::password;
use crate::read::{Id, Params};
use crate::several::Several;
use crate::write::{Write, target};

/// Where the list of users goes on.
const LIST: &str = "users";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_users, add_user))
        .routes(routes!(show_user, change_user))
        .routes(routes!(set_password))
}

/// A user.
#[derive(Serialize, ToSchema)]
pub struct UserRow {
    /// The id.
    pub id: Uuid,
    /// The name.
    pub name: Shown<String>,
    /// The address used to sign in.
    pub email: Shown<String>,
    /// What they may do by default.
    #[schema(value_type = RoleWord)]
    pub role: Role,
    /// Whether they may sign in.
    pub active: bool,
}

/// What a user may do by default.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum RoleWord {
    /// Everything.
    SuperAdmin,
    /// Runs the account.
    AccountAdmin,
    /// Works on tickets.
    Agent,
    /// Reads and comments.
    LightAgent,
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddUserBody {
    /// The name.
    name: String,
    /// The address used to sign in.
    email: String,
    /// What they may do by default.
    #[schema(value_type = RoleWord)]
    role: Role,
}

/// What is to be changed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeUserBody {
    /// The name from now on.
    #[serde(default)]
    name: Option<String>,
    /// The role from now on.
    #[serde(default)]
    #[schema(value_type = Option<RoleWord>)]
    role: Option<Role>,
    /// Whether they may sign in.
    #[serde(default)]
    active: Option<bool>,
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SetPasswordBody {
    /// The new password.
    password: String,
    /// The present one; required for one's own account.
    #[serde(default)]
    current_password: Option<String>,
}

/// Lists users, active or not, in the order of their ids.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageQuery),
    responses((status = 200, description = "a page of users", body = Listed<UserRow>)))]
async fn list_users(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<UserRow>>, ApiError> {
    let after: Option<Uuid> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let directory = app.directory(caller.ws).await?;
    let next = directory.users().filter(|(id, _)| after.is_none_or(|after| id.0 > after));
    let rows: Vec<_> = next.take(usize::from(query.limit.0) + 1).collect();
    let page = Listed::cut(rows, query.limit, |(id, _)| app.cursor(&caller, LIST, &id.0));
    let mut items = Vec::with_capacity(page.items.len());
    for (id, user) in page.items {
        items.push(row(&app, &caller, id, user).await?);
    }
    Ok(Json(Listed { items, next_cursor: page.next_cursor }))
}

/// Adds a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = AddUserBody,
    responses((status = 201, description = "added", body = Written)))]
async fn add_user(State(app): State<App>, write: Write<AddUserBody>) -> Result<Answer, ApiError> {
    let user_id: UserId = write.meta.new_id("user");
    let command = AddUser {
        user_id,
        name: Personal(write.body.name.clone()),
        email: Personal(write.body.email.clone()),
        role: write.body.role,
    };
    Ok(Answer::created(app.write(&write, target::<UserEvent>(user_id), command).await?))
}

/// One user.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    responses((status = 200, description = "the user", body = UserRow)))]
async fn show_user(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<UserId>,
) -> Result<(Etag, Json<UserRow>), ApiError> {
    let directory = app.directory_where(caller.ws, |known| known.user(id).is_some()).await?;
    let user = directory.user(id).ok_or_else(ApiError::not_found)?;
    let version = app.reader().versions(caller.ws, &[id.0]).await?.first().copied();
    Ok((Etag(version.unwrap_or_default()), Json(row(&app, &caller, id, user).await?)))
}

/// Changes a user: name, role, access. All of it or nothing.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    request_body = ChangeUserBody, responses((status = 200, description = "changed", body = Written)))]
async fn change_user(
    State(app): State<App>,
    Id(user_id): Id<UserId>,
    write: Write<ChangeUserBody>,
) -> Result<Answer, ApiError> {
    let ChangeUserBody { name, role, active } = &write.body;
    let commands = Several::new("ChangeUser")
        .and(name.clone().map(|name| RenameUser { user_id, name: Personal(name) }))
        .and(role.map(|role| ChangeRole { user_id, role }))
        .and((*active == Some(true)).then_some(ReactivateUser { user_id }))
        .and((*active == Some(false)).then_some(DeactivateUser { user_id }));
    if commands.is_empty() {
        return Err(ApiError::new(Kind::Invalid, "no_changes", "say what is to be changed"));
    }
    let written = app.write(&write, target::<UserEvent>(user_id), commands).await?;
    if *active == Some(false) {
        // Without access nothing of theirs works any more; this keeps it so should access be given back.
        let (ws, ops) = (write.caller.ws, app.ops());
        ops.sessions.revoke_all(ws, user_id.0, None).await?;
        ops.tokens.revoke_all(ws, user_id.0, app.now()).await?;
    }
    Ok(Answer::ok(written))
}

/// Sets a user's password; their other sessions end.
#[utoipa::path(put, path = "/api/v1/users/{id}/password", tag = "users", params(("id" = Uuid, Path)),
    request_body = SetPasswordBody, responses((status = 200, description = "set", body = Written)))]
async fn set_password(
    State(app): State<App>,
    Id(user_id): Id<UserId>,
    client: Client,
    write: Write<SetPasswordBody>,
) -> Result<Answer, ApiError> {
    password::check("password", &write.body.password)?;
    let caller = &write.caller;
    let known = |known: &Directory| known.user(user_id).is_some();
    let directory = app.directory_where(caller.ws, known).await?;
    let email = match directory.user(user_id) {
        Some(user) => open(&app, caller, user_id, "email", &user.email).await?,
        None => return Err(ApiError::not_found()),
    };
    let Shown::Open(email) = email else { return Err(ApiError::not_found()) };
    if user_id == caller.user {
        confirm(&app, &write, &email, client).await?;
    }
    let command = RecordPasswordSet { user_id };
    let written = app.write(&write, target::<UserEvent>(user_id), command).await?;
    // The event comes first, because its rule decides; a repeat sets the password again.
    let login = ops::Login { ws: caller.ws, user: user_id.0 };
    let ops = app.ops();
    ops.credentials.set_password(login, &email, &write.body.password, app.now()).await?;
    let kept = caller.session().filter(|_| user_id == caller.user);
    ops.sessions.revoke_all(caller.ws, user_id.0, kept).await?;
    Ok(Answer::ok(written))
}

/// Who changes their own password must know the one they have.
async fn confirm(
    app: &App,
    write: &Write<SetPasswordBody>,
    email: &str,
    client: Client,
) -> Result<(), ApiError> {
    let field = "current_password";
    let Some(current) = &write.body.current_password else {
        return Err(ApiError::invalid_field(
            field,
            "required",
            "is required for one's own account",
        ));
    };
    // A repeat of a request that was carried out comes with the password that has become the old one.
    let done = app.reader().commands(write.caller.ws, &[write.meta.command]).await?;
    if done.first().is_some_and(Option::is_some) {
        return Ok(());
    }
    let credentials = &app.ops().credentials;
    let found = credentials.verify(email, current, client.address, app.now()).await?;
    if found.is_some_and(|login| login.user == write.caller.user.0) {
        return Ok(());
    }
    Err(ApiError::invalid_field(field, "wrong_password", "is not the present password"))
}

pub(super) async fn row(
    app: &App,
    caller: &Caller,
    id: UserId,
    user: &LiveUser,
) -> Result<UserRow, ApiError> {
    Ok(UserRow {
        id: id.0,
        name: open(app, caller, id, "name", &user.name).await?,
        email: open(app, caller, id, "email", &user.email).await?,
        role: user.role,
        active: user.active,
    })
}
