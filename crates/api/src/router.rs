//! The router: which routes pass which layers.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header;

use crate::app::App;
use crate::caller::authenticate;
use crate::error::ApiError;
use crate::{layers, metrics, openapi, routes};

/// Everything this service answers.
pub fn router(app: App) -> Router {
    metrics::describe();
    let limits = app.settings().limits;
    let (protected, _) = routes::protected().split_for_parts();
    let (public, _) = routes::public().split_for_parts();
    let (uploads, _) = routes::uploads().split_for_parts();
    let signed_in =
        |routes: Router<App>| routes.route_layer(from_fn_with_state(app.clone(), authenticate));
    let pages = routes::pages::routes(app.settings().start_page);
    let quick = signed_in(protected).merge(public).merge(pages);
    let quick = layers::promptly(quick, limits);
    let slow = layers::within(signed_in(uploads), limits.upload_within);
    let quick = layers::bounded(quick, limits.running_max, limits);
    let slow = layers::bounded(slow, limits.uploads_max, limits);
    let api = quick.merge(slow);
    let document = document();
    let (operation, _) = routes::operation::routes().split_for_parts();
    let (metrics, _) = routes::operation::metrics().split_for_parts();
    let metrics = if app.settings().metrics_open { metrics } else { signed_in(metrics) };
    let rest = Router::new()
        .route(
            "/api/openapi.json",
            get(move || std::future::ready(document.clone().into_response())),
        )
        .merge(routes::docs::routes())
        .merge(operation)
        .merge(metrics)
        .fallback(|| async { ApiError::not_found() });
    layers::observed(api.merge(rest)).with_state(app)
}

fn document() -> ([(header::HeaderName, &'static str); 1], bytes::Bytes) {
    let json = openapi::openapi().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json.into())
}
