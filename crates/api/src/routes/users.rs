//! Users: persons who sign in.

use axum::Json;
use axum::extract::State;
use commands::user::{AddUser, LiveUser};
use decider::Personal;
use events::user::Role;
use events::{UserEvent, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::opened::{Shown, open};
use crate::read::Params;
use crate::write::{Write, target};

/// Where the list of users goes on.
const LIST: &str = "users";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_users, add_user))
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
