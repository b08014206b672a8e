//! One span, one id and one measurement per request; the same form and headers for every answer.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tracing::Instrument;
use uuid::Uuid;

use crate::error::{ApiError, Kind, ProblemCode};
use crate::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS_MAX: usize = 64;
const HEADER_BYTES_MAX: usize = 32 << 10;
const ADDRESS_BYTES_MAX: usize = 8 << 10;

/// Where an answer says nothing else about what a browser may do with it.
const POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

pub async fn observe(request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or("unmatched", |path| path.as_str());
    let span = tracing::info_span!(
        "request",
        http.method = %method,
        http.route = route,
        http.status = tracing::field::Empty,
        http.latency_ms = tracing::field::Empty,
        request.id = id,
    );
    let response = match too_large(&request) {
        Some(error) => span.in_scope(|| error.into_response()),
        None => next.run(request).instrument(span.clone()).await,
    };
    let mut response = with_problem(response);
    let took = started.elapsed();
    span.record("http.status", response.status().as_u16());
    span.record("http.latency_ms", u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    span.in_scope(|| tracing::debug!("request answered"));
    measure(&method, route, response.status(), took.as_secs_f64());
    secure(response.headers_mut());
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The id a proxy gave, if it is harmless; else one of our own.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given.filter(harmless).map_or_else(|| Uuid::new_v4().to_string(), str::to_owned)
}

fn too_large(request: &Request) -> Option<ApiError> {
    if request
        .uri()
        .path_and_query()
        .is_some_and(|address| address.as_str().len() > ADDRESS_BYTES_MAX)
    {
        return Some(ApiError::new(
            Kind::AddressTooLong,
            "address_too_long",
            "the address is too long",
        ));
    }
    let headers = request.headers().iter();
    let bytes: usize = headers.map(|(name, value)| name.as_str().len() + value.len()).sum();
    (bytes > HEADER_BYTES_MAX).then(|| {
        ApiError::new(Kind::HeadersTooLarge, "headers_too_large", "the headers are too large")
    })
}

/// Refusals of the framework get the form of our own; their headers stay.
fn with_problem(response: Response) -> Response {
    let status = response.status();
    let refused = status.is_client_error() || status.is_server_error();
    if !refused || response.extensions().get::<ProblemCode>().is_some() {
        return response;
    }
    let (parts, _) = response.into_parts();
    let (code, detail) = words(status);
    let mut answer = Problem::new(status, code, detail.to_owned()).into_response();
    for name in [header::ALLOW, header::RETRY_AFTER] {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status {
        StatusCode::BAD_REQUEST => ("malformed_request", "the request cannot be read"),
        StatusCode::NOT_FOUND => ("not_found", "there is nothing at this address for you"),
        StatusCode::METHOD_NOT_ALLOWED => {
            ("method_not_allowed", "this address does not take this method")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ("too_large", "the body is too large"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            ("unsupported_media_type", "the body is of a type that is not read here")
        }
        StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "not at this moment"),
        status if status.is_client_error() => ("refused", "the request is refused"),
        _ => ("internal", "something broke on our side"),
    }
}

fn measure(method: &http::Method, route: &str, status: StatusCode, seconds: f64) {
    // Anybody may invent methods; labels are for those that exist.
    let method = match method.as_str() {
        known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => {
            known.to_owned()
        }
        _ => "other".to_owned(),
    };
    let labels =
        [("method", method), ("route", route.to_owned()), ("status", status.as_str().to_owned())];
    metrics::counter!("ledgerdesk_http_requests_total", &labels).increment(1);
    metrics::histogram!("ledgerdesk_http_request_seconds", &labels[..2]).record(seconds);
}

fn secure(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("same-origin"),
        ),
    ] {
        headers.entry(name).or_insert(value);
    }
}
