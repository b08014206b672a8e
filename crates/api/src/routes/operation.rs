//! For those who run the service: health, readiness, metrics.

use axum::Router;
use axum::routing::get;

use crate::app::App;

pub fn routes() -> Router<App> {
    Router::new().route("/healthz", get(|| async { "ok\n" }))
}
