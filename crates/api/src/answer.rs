//! Answers: what a write returns, and headers that say how new something is.

use axum::Json;
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};
use decider::Version;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The header with a place in the log.
pub const LOG_POSITION: HeaderName = HeaderName::from_static("log-position");
/// The header of an answer that is older than what was asked for.
pub const LOG_STALE: HeaderName = HeaderName::from_static("log-stale");

/// What every write answers at least.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Written {
    /// What was written to.
    pub id: Uuid,
    /// Its version now.
    pub version: u32,
    /// Place in the log: a reader may ask for an answer that is at least as new.
    pub position: String,
}

/// The answer of a write: `Written`, or a body that holds one (`#[serde(flatten)] written: Written`).
pub struct Answer<T = Written> {
    status: StatusCode,
    version: Version,
    position: String,
    body: T,
}

impl Answer<Written> {
    /// 200.
    #[must_use]
    pub fn ok(written: Written) -> Self {
        Self::with(StatusCode::OK, written, |written| written)
    }

    /// 201.
    #[must_use]
    pub fn created(written: Written) -> Self {
        Self::with(StatusCode::CREATED, written, |written| written)
    }
}

impl<T> Answer<T> {
    /// A status and a body made of what was written.
    #[must_use]
    pub fn with(status: StatusCode, written: Written, body: impl FnOnce(Written) -> T) -> Self {
        let (version, position) = (written.version, written.position.clone());
        Self { status, version, position, body: body(written) }
    }
}

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut response = (self.status, Etag(self.version), Json(self.body)).into_response();
        if let Ok(position) = HeaderValue::try_from(self.position) {
            response.headers_mut().insert(LOG_POSITION, position);
        }
        response
    }
}

/// The version of what is answered, as `If-Match` takes it.
#[derive(Clone, Copy, Debug)]
pub struct Etag(pub Version);

impl IntoResponseParts for Etag {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Ok(value) = HeaderValue::try_from(format!("\"{}\"", self.0)) {
            parts.headers_mut().insert(header::ETAG, value);
        }
        Ok(parts)
    }
}

/// Whether the answer is older than what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale(pub bool);

impl IntoResponseParts for Stale {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if self.0 {
            parts.headers_mut().insert(LOG_STALE, HeaderValue::from_static("true"));
        }
        Ok(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::json_of;

    #[derive(Serialize)]
    struct Ticket {
        #[serde(flatten)]
        written: Written,
        number: u64,
    }

    #[tokio::test]
    async fn a_write_says_what_is_written_and_where_in_the_log() {
        let written = Written { id: Uuid::nil(), version: 3, position: "17".to_owned() };
        let answer =
            Answer::with(StatusCode::CREATED, written, |written| Ticket { written, number: 7 });
        let response = answer.into_response();
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.headers()[LOG_POSITION], "17");
        assert_eq!(response.headers()[header::ETAG], "\"3\"");
        let body = json_of(response).await;
        assert_eq!(
            (&body["version"], &body["position"], &body["number"]),
            (&3.into(), &"17".into(), &7.into())
        );
    }
}
