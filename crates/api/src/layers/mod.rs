//! What every request passes before and after its handler.

mod bounds;
mod observe;
mod panic;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use tower_http::catch_panic::CatchPanicLayer;

use crate::settings::Limits;
use bounds::{Gate, deadline, gate, prompt_deadline};

/// Requests wait for their turn, and none takes for ever.
pub(crate) fn bounded<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    running_max: usize,
    limits: Limits,
) -> Router<S> {
    router.layer(from_fn_with_state(Arc::new(Gate::new(running_max, limits)), gate))
}

/// No request takes longer.
pub(crate) fn within<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    at_most: Duration,
) -> Router<S> {
    router.layer(from_fn_with_state(at_most, deadline))
}

/// No request takes longer once its body is there, and that has a bound of its own.
pub(crate) fn promptly<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    limits: Limits,
) -> Router<S> {
    let bounds = (limits.body_within, limits.request_within);
    router.layer(from_fn_with_state(bounds, prompt_deadline))
}

/// Every answer has the same form and headers, every request a span, a number and an id; a panic is an answer too.
pub(crate) fn observed<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(CatchPanicLayer::custom(panic::answer)).layer(from_fn(observe::observe))
}

#[cfg(test)]
mod tests {
    use axum::extract::Request;
    use axum::response::Response;
    use axum::routing::{get, post};
    use http::{HeaderMap, StatusCode, header};
    use tower::ServiceExt;

    use super::*;
    use crate::testing::json_of;

    fn service(limits: Limits) -> Router {
        let router = Router::new()
            .route("/panics", get(|| async { panicking() }))
            .route("/forever", get(std::future::pending::<()>))
            .route("/text", post(|body: axum::Json<u32>| async move { body.to_string() }))
            .fallback(|| async { crate::error::ApiError::not_found() });
        observed(bounded(within(router, Duration::from_millis(20)), limits.running_max, limits))
    }

    fn panicking() -> StatusCode {
        panic!("planted")
    }

    async fn send(method: &str, path: &str) -> Response {
        let request = Request::builder().method(method).uri(path).body(axum::body::Body::empty());
        service(Limits::default()).oneshot(request.unwrap()).await.unwrap()
    }

    fn is_problem(headers: &HeaderMap) -> bool {
        headers[header::CONTENT_TYPE] == "application/problem+json"
    }

    #[tokio::test]
    async fn every_refusal_of_the_framework_is_a_problem_with_a_code() {
        for (method, path, status, code) in [
            ("GET", "/nowhere", 404, "not_found"),
            ("DELETE", "/text", 405, "method_not_allowed"),
            ("POST", "/text", 415, "unsupported_media_type"),
            ("GET", "/panics", 500, "internal"),
            ("GET", "/forever", 503, "timeout"),
        ] {
            let response = send(method, path).await;
            assert_eq!(response.status(), status, "{path}");
            assert!(is_problem(response.headers()), "{path}");
            assert_eq!(json_of(response).await["code"], code, "{path}");
        }
    }

    #[tokio::test]
    async fn a_wrong_method_names_the_right_ones_and_a_panic_says_nothing() {
        assert_eq!(send("DELETE", "/text").await.headers()[header::ALLOW], "POST");
        assert!(!json_of(send("GET", "/panics").await).await.to_string().contains("planted"));
    }

    #[tokio::test]
    async fn every_answer_has_an_id_and_says_what_a_browser_may_not_do() {
        let response = send("GET", "/nowhere").await;
        assert!(response.headers().contains_key("x-request-id"));
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let policy = response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'"));
    }

    #[tokio::test]
    async fn more_requests_than_may_wait_are_told_to_come_back() {
        let limits = Limits { running_max: 1, waiting_max: 1, ..Limits::default() };
        let service = service(limits);
        let ask = || {
            let request = Request::get("/forever").body(axum::body::Body::empty()).unwrap();
            service.clone().oneshot(request)
        };
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        let mut codes = Vec::new();
        for response in [one, two, three] {
            let response = response.unwrap();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            codes.push(json_of(response).await["code"].as_str().unwrap().to_owned());
        }
        codes.sort();
        assert_eq!(codes, ["overloaded", "timeout", "timeout"]);
    }

    #[tokio::test]
    async fn the_time_of_an_answer_counts_from_when_the_body_is_there() {
        let limits = Limits {
            body_within: Duration::from_millis(2_000),
            request_within: Duration::from_millis(300),
            ..Limits::default()
        };
        let works = |body: axum::body::Bytes| std::future::ready(body);
        let hangs = |_: axum::body::Bytes| std::future::pending::<()>();
        let router = Router::new().route("/works", post(works)).route("/hangs", post(hangs));
        let service = promptly(router.route("/", get(std::future::pending::<()>)), limits);
        for (path, pause, status, at_least) in [
            ("/works", 600, StatusCode::OK, 600),
            ("/hangs", 600, StatusCode::SERVICE_UNAVAILABLE, 900),
            ("/works", 60_000, StatusCode::SERVICE_UNAVAILABLE, 2_300),
            ("/", 0, StatusCode::SERVICE_UNAVAILABLE, 300),
        ] {
            let slow = futures_util::stream::once(async move {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                Ok::<_, std::io::Error>("body")
            });
            let (method, body) = match pause {
                0 => ("GET", axum::body::Body::empty()),
                _ => ("POST", axum::body::Body::from_stream(slow)),
            };
            let request = Request::builder().method(method).uri(path).body(body).unwrap();
            let started = tokio::time::Instant::now();
            let response = service.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{path} {pause}");
            assert!(started.elapsed().as_millis() >= at_least, "{path} {pause}");
        }
    }

    #[tokio::test]
    async fn endless_headers_and_addresses_are_refused() {
        let service = service(Limits::default());
        let long = "x".repeat(40_000);
        let headers = Request::get("/nowhere").header("x-long", &long);
        let response =
            service.clone().oneshot(headers.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(response.unwrap().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
        let address = Request::get(format!("/{long}")).body(axum::body::Body::empty());
        let response = service.oneshot(address.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::URI_TOO_LONG);
    }
}
