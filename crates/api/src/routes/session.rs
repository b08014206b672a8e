//! Signing in and out, and who one is.

use std::net::{IpAddr, SocketAddr};

use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri, State};
use axum::response::{IntoResponse, Response};
use commands::sign_in::{RecordSignIn, RecordSignInsRefused, RecordSignOut};
use decider::{Actor, Personal, WorkspaceId};
use events::sign_in::SignInMethod;
use events::{SignInId, UserId};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use ops::{OpsError, SignInFailures};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::users::RoleWord;
use crate::app::App;
use crate::body::Strict;
use crate::caller::{Caller, SESSION_COOKIE};
use crate::error::{ApiError, Kind};
use crate::opened::{Shown, open_in};
use crate::origin;
use crate::write::{NoBody, Write};

/// As long as a session lives at most; the server ends an unused one sooner.
const COOKIE_S: u32 = 90 * 24 * 3600;

pub fn public() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(sign_in))
}

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(sign_out)).routes(routes!(me))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInBody {
    /// The address.
    email: String,
    /// The password.
    password: String,
}

/// Who one is, and what one may do.
#[derive(Serialize, ToSchema)]
pub struct Me {
    /// The user.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// The name.
    pub name: Shown<String>,
    /// The address used to sign in.
    pub email: Shown<String>,
    /// What the user may do by default.
    #[schema(value_type = RoleWord)]
    pub role: events::user::Role,
    /// The rights, by their stable words.
    pub rights: Vec<&'static str>,
    /// The teams.
    pub teams: Vec<Uuid>,
    /// The licence; every user has `service`.
    pub licence: &'static str,
}

/// Signs in with address and password; the session is in the cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = SignInBody,
    responses((status = 200, description = "signed in", body = Me),
        (status = 401, description = "address or password are wrong", body = crate::Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "asked for by another site", body = crate::Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "too many failed attempts", body = crate::Problem,
            content_type = "application/problem+json")))]
async fn sign_in(
    State(app): State<App>,
    client: Client,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Strict(body): Strict<SignInBody>,
) -> Result<Response, ApiError> {
    origin::check(&headers, &uri, app.settings().public_url.as_deref())?;
    let credentials = &app.ops().credentials;
    let login = credentials.verify(&body.email, &body.password, client.address, app.now()).await;
    if let Err(OpsError::TooMany { account: true, .. }) = login {
        record_refused(&app, body.email.clone());
    }
    let login = login?.ok_or_else(wrong)?;
    let user = UserId(login.user);
    let directory = app.directory_where(login.ws, |known| known.user(user).is_some()).await?;
    directory.user(user).filter(|account| account.active).ok_or_else(wrong)?;
    begin(&app, (login.ws, user), (SignInMethod::Password, client.address)).await
}

/// Signs out: the session ends.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "signed out")))]
async fn sign_out(State(app): State<App>, write: Write<NoBody>) -> Result<Response, ApiError> {
    if let Some(secret) = write.caller.session() {
        let sign_in_id = sign_in_of(write.caller.ws, secret);
        let signed_out = RecordSignOut { sign_in_id, user_id: write.caller.user };
        app.record_fact(&write.caller, Uuid::now_v7(), signed_out).await?;
        app.ops().sessions.revoke(secret).await?;
        app.live().look(write.caller.ws, write.caller.user);
    }
    let cookie = cookie(&app, "", 0)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

/// The caller: user, rights, teams, licence.
#[utoipa::path(get, path = "/api/v1/me", tag = "session",
    responses((status = 200, description = "the caller", body = Me)))]
async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, ApiError> {
    Ok(Json(describe(&app, caller.ws, caller.user).await?))
}

/// A new session: its cookie, and who it is for.
pub(super) async fn begin(
    app: &App,
    (ws, user): (WorkspaceId, UserId),
    (method, address): (SignInMethod, Option<IpAddr>),
) -> Result<Response, ApiError> {
    let me = describe(app, ws, user).await?;
    let secret = app.ops().sessions.create(ws, user.0, app.now()).await?;
    let sign_in_id = sign_in_of(ws, secret.expose());
    let address = address.map(|address| Personal(address.to_string()));
    let signed_in = RecordSignIn { sign_in_id, user_id: user, method, address };
    let actor = Actor::user(user.0);
    if let Err(error) = app.record_fact((ws, actor), Uuid::now_v7(), signed_in).await {
        // What the log does not know has not happened.
        app.ops().sessions.revoke(secret.expose()).await?;
        return Err(error);
    }
    let cookie = cookie(app, secret.expose(), COOKIE_S)?;
    Ok(([(header::SET_COOKIE, cookie)], Json(me)).into_response())
}

/// The stream of a session: made of its secret, of which only that much is told.
fn sign_in_of(ws: WorkspaceId, secret: &str) -> SignInId {
    let digest = Sha256::digest(secret.as_bytes());
    SignInId(Uuid::new_v5(&ws.0, &[&b"sign-in\n"[..], &digest[..]].concat()))
}

/// Records that an account takes no sign-ins for a while: once, and beside the answer, which must take as long for an address
/// that nobody has.
fn record_refused(app: &App, email: String) {
    let app = app.clone();
    tokio::spawn(async move {
        let accounts = app.ops().credentials.accounts(&email).await.unwrap_or_default();
        let window = SignInFailures::window(app.now()).as_micros();
        for login in accounts {
            let name = format!("sign-ins-refused\n{}\n{window}", login.user);
            let id = Uuid::new_v5(&login.ws.0, name.as_bytes());
            let user_id = UserId(login.user);
            let refused = RecordSignInsRefused { sign_in_id: SignInId(id), user_id };
            if let Err(error) = app.record_fact((login.ws, Actor::SYSTEM), id, refused).await {
                tracing::warn!(error.code = error.code(), "refused sign-ins were not recorded");
            }
        }
    });
}

async fn describe(app: &App, ws: WorkspaceId, user: UserId) -> Result<Me, ApiError> {
    let directory = app.directory(ws).await?;
    let account = directory.user(user).ok_or_else(ApiError::unauthenticated)?;
    Ok(Me {
        id: user.0,
        workspace_id: ws.0,
        name: open_in(app, ws, user, "name", &account.name).await?,
        email: open_in(app, ws, user, "email", &account.email).await?,
        role: account.role,
        rights: access::Scope::of(account.role, user).rights().map(access::Right::as_str).collect(),
        teams: Vec::new(),
        licence: "service",
    })
}

fn cookie(app: &App, secret: &str, max_age_s: u32) -> Result<HeaderValue, ApiError> {
    let secure = if app.settings().cookie_secure { "; Secure" } else { "" };
    let text = format!(
        "{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}"
    );
    let mut value = HeaderValue::try_from(text).map_err(ApiError::failed)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The same for an unknown address, a wrong password and an account without access.
fn wrong() -> ApiError {
    ApiError::new(Kind::Unauthenticated, "invalid_credentials", "address or password are wrong")
}

/// Where a request comes from, to count failed attempts.
pub(super) struct Client {
    pub address: Option<IpAddr>,
}

impl FromRequestParts<App> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let name = app.settings().client_address_header.as_ref();
        // The proxy nearest to us writes last; what stands before it, anybody may have written.
        let told = name
            .and_then(|name| parts.headers.get_all(name).iter().next_back())
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.rsplit(',').next())
            .and_then(|text| text.trim().parse().ok());
        let seen = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        Ok(Self { address: told.or(seen) })
    }
}
