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
    let signed_in = |routes: Router<App>| {
        routes.route_layer(from_fn_with_state(app.clone(), authenticate))
    };
    let quick = layers::within(signed_in(protected).merge(public), limits.request_within);
    let slow = layers::within(signed_in(uploads), limits.upload_within);
    let api = layers::bounded(quick.merge(slow), limits);
    let document = document();
    let rest = Router::new()
        .route("/api/openapi.json", get(move || std::future::ready(document.clone().into_response())))
        .merge(routes::docs::routes())
        .merge(routes::pages::routes())
        .merge(routes::operation::routes())
        .fallback(|| async { ApiError::not_found() });
    layers::observed(api.merge(rest)).with_state(app)
}

fn document() -> ([(header::HeaderName, &'static str); 1], bytes::Bytes) {
    let json = openapi::openapi().to_json().unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json")], json.into())
}

