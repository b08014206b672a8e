//! Where the log ends, signed, so that it can be kept elsewhere; and what the signatures are checked with (Z03).

use axum::Json;
use axum::extract::State;
use decider::{LogPosition, Timestamp};
use event_store::log::SignedHead;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::read::Params;

const LIST: &str = "log_heads";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(log_head))
        .routes(routes!(log_heads))
        .routes(routes!(log_keys))
}

/// A commit as the server saw and signed it. Kept where the owner of the database cannot reach, it shows later whether the log
/// was cut off, set back or written anew.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignedLogHead {
    /// The workspace.
    workspace: Uuid,
    /// Number of the commit.
    commit: u64,
    /// The newest position after it.
    #[schema(value_type = String)]
    position: LogPosition,
    /// The chain hash of that commit, in hexadecimal.
    hash: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// When it was signed.
    #[schema(value_type = String, format = DateTime)]
    signed_at: Timestamp,
    /// The public key that the signature is checked with, in hexadecimal.
    public_key: String,
    /// The Ed25519 signature over all of this, in hexadecimal.
    signature: String,
}

impl From<SignedHead> for SignedLogHead {
    fn from(head: SignedHead) -> Self {
        let SignedHead { workspace, commit, position, hash, at, signed_at, public_key, signature } =
            head;
        Self { workspace, commit, position, hash, at, signed_at, public_key, signature }
    }
}

impl From<SignedLogHead> for SignedHead {
    fn from(head: SignedLogHead) -> Self {
        let SignedLogHead {
            workspace,
            commit,
            position,
            hash,
            at,
            signed_at,
            public_key,
            signature,
        } = head;
        Self { workspace, commit, position, hash, at, signed_at, public_key, signature }
    }
}

/// Public keys.
#[derive(Serialize, ToSchema)]
struct LogKeys {
    /// One for each line of the key file, oldest first: the last one signs.
    keys: Vec<LogKey>,
}

/// A public key that signatures of heads are checked with.
#[derive(Serialize, ToSchema)]
struct LogKey {
    /// The number of its line in the key file.
    number: u32,
    /// The Ed25519 key, in hexadecimal.
    public_key: String,
}

/// Where the log ends, signed now.
#[utoipa::path(get, path = "/api/v1/admin/log/head", tag = "operation",
    responses((status = 200, description = "the newest commit", body = SignedLogHead)))]
async fn log_head(State(app): State<App>, caller: Caller) -> Result<Json<SignedLogHead>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let head = app.reader().head(caller.ws).await?;
    let signed = SignedHead::sign(caller.ws, &head, &app.vault().signer(caller.ws), app.now());
    Ok(Json(signed.into()))
}

/// The heads that were signed at intervals while something was written, newest first: to be fetched and kept elsewhere.
#[utoipa::path(get, path = "/api/v1/admin/log/heads", tag = "operation", params(PageQuery),
    responses((status = 200, description = "a page of signed heads", body = Listed<SignedLogHead>)))]
async fn log_heads(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<SignedLogHead>>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let before: Option<u64> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let limit = u32::from(query.limit.0) + 1;
    let kept = app.ops().heads.page(caller.ws, before, limit).await?;
    let page = Listed::cut(kept, query.limit, |last| app.cursor(&caller, LIST, &last.commit));
    let heads: Result<Vec<SignedLogHead>, ApiError> = page
        .items
        .iter()
        .map(|kept| {
            SignedHead::of_line(&kept.document).map(SignedLogHead::from).map_err(ApiError::failed)
        })
        .collect();
    Ok(Json(Listed { items: heads?, next_cursor: page.next_cursor }))
}

/// What the signatures of heads are checked with. Keep a copy elsewhere as well.
#[utoipa::path(get, path = "/api/v1/admin/log/key", tag = "operation",
    responses((status = 200, description = "the public keys", body = LogKeys)))]
async fn log_keys(State(app): State<App>, caller: Caller) -> Result<Json<LogKeys>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let keys = app.vault().public_keys(caller.ws).into_iter();
    let keys = keys.map(|(number, key)| LogKey { number, public_key: key.to_string() }).collect();
    Ok(Json(LogKeys { keys }))
}
