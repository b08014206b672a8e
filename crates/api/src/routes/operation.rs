//! For those who run the service: health, readiness, metrics.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use event_store::projection::{ProjectionState, ProjectionStatus};
use http::{StatusCode, header};
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::error::ProblemCode;

/// How long the log may take to answer.
const LOG_WITHIN: Duration = Duration::from_secs(2);
/// A view that is further behind is not fit to be read.
const LAG_EVENTS_MAX: u64 = 10_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(healthz)).routes(routes!(readyz))
}

pub fn metrics() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(render_metrics))
}

/// Whether the service can work, and if not, what is missing.
#[derive(Serialize, ToSchema)]
struct Readiness {
    /// Whether it can.
    ready: bool,
    /// Whether the process is about to end: ask another one.
    ending: bool,
    /// Whether the log answers.
    log_reachable: bool,
    /// Whether the logs of all workspaces continue what this process has seen of them; if not, one was rewound.
    log_continuous: bool,
    /// The views of all workspaces.
    views: Vec<ViewReadiness>,
}

/// One view of one workspace.
#[derive(Serialize, ToSchema)]
struct ViewReadiness {
    /// Its name.
    name: &'static str,
    /// What it is doing.
    state: &'static str,
    /// How many events it is behind.
    lag_events: u64,
    /// Whether it is fit to be read.
    ready: bool,
}

/// Whether the process is up.
#[utoipa::path(get, path = "/healthz", tag = "operation",
    responses((status = 200, description = "it is", body = String, content_type = "text/plain")))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Whether the log answers, the views follow it, and the process is not about to end.
#[utoipa::path(get, path = "/readyz", tag = "operation",
    responses((status = 200, description = "ready", body = Readiness),
        (status = 503, description = "not ready", body = Readiness)))]
async fn readyz(State(app): State<App>) -> Response {
    let answer = timeout(LOG_WITHIN, app.reader().workspaces()).await;
    let log_reachable = matches!(answer, Ok(Ok(_)));
    let statuses = app.view_status();
    let views: Vec<_> = statuses.iter().filter(|status| status.active).map(view).collect();
    let ending = app.is_ending();
    let log_continuous = app.handler().recent().continuity().rewound().is_empty();
    let fit = log_reachable && log_continuous && views.iter().all(|view| view.ready);
    let ready = fit && !ending;
    let body = Json(Readiness { ready, ending, log_reachable, log_continuous, views });
    if ready {
        return body.into_response();
    }
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, body).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, 1.into());
    response.extensions_mut().insert(ProblemCode("not_ready".into()));
    response
}

/// Metrics for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, description = "the metrics", body = String, content_type = "text/plain")))]
async fn render_metrics(State(app): State<App>) -> Response {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], app.render_metrics()).into_response()
}

fn view(status: &ProjectionStatus) -> ViewReadiness {
    let ready = match status.state {
        ProjectionState::Following | ProjectionState::Standby => true,
        ProjectionState::CatchingUp => status.lag_events <= LAG_EVENTS_MAX,
        ProjectionState::BackingOff => false,
        ProjectionState::Stopped => status.stopped_by_data,
    };
    ViewReadiness {
        name: status.name,
        state: status.state.as_str(),
        lag_events: status.lag_events,
        ready,
    }
}
