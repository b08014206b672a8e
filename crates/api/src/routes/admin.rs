//! For operators: where the log ends.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::hex;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(log_head))
}

/// Where the log ends.
#[derive(Serialize, ToSchema)]
struct LogHead {
    /// The newest position.
    position: String,
    /// Number of the newest commit.
    commit: u64,
    /// The chain hash of that commit, in hexadecimal.
    hash: String,
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
}

/// Where the log ends.
#[utoipa::path(get, path = "/api/v1/admin/log/head", tag = "operation",
    responses((status = 200, description = "the newest commit", body = LogHead)))]
async fn log_head(State(app): State<App>, caller: Caller) -> Result<Json<LogHead>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let head = app.reader().head(caller.ws).await?;
    Ok(Json(LogHead {
        position: head.position.to_string(),
        commit: head.commit,
        hash: hex::encode(&head.hash),
        at: head.at.to_string(),
    }))
}
