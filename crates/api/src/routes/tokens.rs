//! API tokens: the secret is shown once.

use axum::Json;
use axum::extract::State;
use commands::Directory;
use commands::user::{CreateToken, RevokeToken};
use events::{TokenId, UserEvent};
use http::StatusCode;
use ops::{ApiTokenRow, NewApiToken, OpsError};
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
use crate::read::{Id, Params};
use crate::write::{NoBody, Write, target};

const LIST: &str = "tokens";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
}

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
struct TokenRow {
    /// The id.
    id: Uuid,
    /// Whose it is.
    user_id: Uuid,
    /// What it is for.
    name: String,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// Last use, to the minute.
    #[schema(format = DateTime)]
    used_at: Option<String>,
    /// Since when it is no longer valid.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

/// A new token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateTokenBody {
    /// What it is for.
    #[serde(default)]
    name: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
struct CreatedToken {
    #[serde(flatten)]
    written: Written,
    /// The secret. It is shown once: a repeat of the same request answers null.
    token: Option<String>,
}

/// Lists one's own tokens; those who manage users see everybody's.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(PageQuery),
    responses((status = 200, description = "a page of tokens, oldest first", body = Listed<TokenRow>)))]
async fn list_tokens(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<TokenRow>>, ApiError> {
    let after: Option<(i64, Uuid)> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let all = caller.scope.has(access::Right::UsersManage);
    let mut rows = app.ops().tokens.list(caller.ws).await?;
    rows.retain(|row| {
        (all || row.user == caller.user.0) && after.is_none_or(|after| place(row) > after)
    });
    rows.sort_by_key(place);
    rows.truncate(usize::from(query.limit.0) + 1);
    let page = Listed::cut(rows, query.limit, |row| app.cursor(&caller, LIST, &place(row)));
    Ok(Json(page.map(shown)))
}

/// Makes a token for oneself.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "tokens", request_body = CreateTokenBody,
    responses((status = 201, description = "made; the secret is shown once", body = CreatedToken)))]
async fn create_token(
    State(app): State<App>,
    write: Write<CreateTokenBody>,
) -> Result<Answer<CreatedToken>, ApiError> {
    let caller = &write.caller;
    let token_id: TokenId = write.meta.new_id("token");
    let label = write.body.name.clone();
    let command = CreateToken { user_id: caller.user, token_id, label: label.clone() };
    let stream = target::<UserEvent>(caller.user);
    let accepted = app.execute(caller, &write.meta, stream, command).await?;
    let mut written = app.written(caller, caller.user.0, &accepted).await?;
    written.id = token_id.0;
    let label = label.unwrap_or_default().trim().to_owned();
    let new = NewApiToken { ws: caller.ws, id: token_id.0, user: caller.user.0, label };
    // A repeat makes the secret only if the first attempt broke off before it did.
    let token = match app.ops().tokens.create(&new, app.now()).await {
        Ok(secret) => Some(secret.expose().to_owned()),
        Err(error) if accepted.duplicate && is_there(&error) => None,
        Err(error) => return Err(error.into()),
    };
    Ok(Answer::with(StatusCode::CREATED, written, |written| CreatedToken { written, token }))
}

/// Takes a token its force.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "tokens", params(("id" = Uuid, Path)),
    responses((status = 200, description = "revoked", body = Written)))]
async fn revoke_token(
    State(app): State<App>,
    Id(token_id): Id<TokenId>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let caller = &write.caller;
    let owner_in = |known: &Directory| {
        let mut users = known.users();
        let owner = users
            .find(|(_, user)| user.tokens.contains(&token_id) || user.revoked.contains(&token_id));
        owner.map(|(id, _)| id)
    };
    let directory = app.directory_where(caller.ws, |known| owner_in(known).is_some()).await?;
    let owner = owner_in(&directory)
        .filter(|id| *id == caller.user || caller.scope.has(access::Right::UsersManage))
        .ok_or_else(ApiError::not_found)?;
    let command = RevokeToken { user_id: owner, token_id };
    let mut written = app.write(&write, target::<UserEvent>(owner), command).await?;
    app.ops().tokens.revoke(caller.ws, token_id.0, app.now()).await?;
    written.id = token_id.0;
    Ok(Answer::ok(written))
}

fn place(row: &ApiTokenRow) -> (i64, Uuid) {
    (row.created_at.as_micros(), row.id)
}

fn shown(row: ApiTokenRow) -> TokenRow {
    TokenRow {
        id: row.id,
        user_id: row.user,
        name: row.label,
        created_at: row.created_at.to_string(),
        used_at: row.used_at.map(|at| at.to_string()),
        revoked_at: row.revoked_at.map(|at| at.to_string()),
    }
}

fn is_there(error: &OpsError) -> bool {
    matches!(error, OpsError::Database(sqlx::Error::Database(database)) if database.is_unique_violation())
}
