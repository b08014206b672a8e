//! The readable form of the OpenAPI document, from files inside the program: nothing is fetched from elsewhere.

use axum::Router;
use axum::response::Response;
use http::{HeaderValue, header};
use tower::ServiceBuilder;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;

const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

pub fn routes() -> Router<App> {
    // The page would otherwise ask a validator on the internet.
    let config = Config::new(["/api/openapi.json"]).validator_url("none");
    let page: Router<App> = SwaggerUi::new("/api/docs").config(config).into();
    page.layer(ServiceBuilder::new().map_response(|mut response: Response| {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, POLICY);
        response
    }))
}
