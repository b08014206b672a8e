//! Reading request bodies: bounded in size and in time.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRef, FromRequest, Request};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use crate::error::{ApiError, Kind};
use crate::json;
use crate::settings::Limits;

/// The body of a request that needs no sign-in. Everything else takes [`crate::Write`].
pub(crate) struct Strict<T>(pub T);

impl<S, T> FromRequest<S> for Strict<T>
where
    S: Send + Sync,
    Limits: FromRef<S>,
    T: DeserializeOwned,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(json::typed(read_json(request, state).await?)?))
    }
}

/// The JSON of a request. A request without body and without content type counts as `{}`.
pub(crate) async fn read_json<S>(request: Request, state: &S) -> Result<Value, ApiError>
where
    Limits: FromRef<S>,
{
    let limits = Limits::from_ref(state);
    let (parts, body) = request.into_parts();
    let is_json = is_json(&parts.headers);
    if parts.headers.contains_key(header::CONTENT_TYPE) && !is_json {
        return Err(not_json());
    }
    check_length(&parts.headers, limits.json_bytes_max)?;
    let bytes = read(body, limits.json_bytes_max, limits.body_within).await?;
    match (bytes.is_empty(), is_json) {
        (true, false) => Ok(Value::Object(serde_json::Map::new())),
        (false, false) => Err(not_json()),
        (_, true) => json::parse(&bytes),
    }
}

/// Refuses a body that says itself that it is too large.
pub(crate) fn check_length(headers: &HeaderMap, bytes_max: usize) -> Result<(), ApiError> {
    let length = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match length.and_then(|text| text.parse::<usize>().ok()) {
        Some(length) if length > bytes_max => Err(too_large(bytes_max)),
        _ => Ok(()),
    }
}

pub(crate) fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(Kind::TooLarge, "too_large", format!("at most {bytes_max} bytes are taken"))
}

pub(crate) fn too_slow() -> ApiError {
    ApiError::new(Kind::TooSlow, "body_too_slow", "the body did not arrive in time")
}

/// The whole of a body.
pub(crate) async fn read(
    mut body: Body,
    bytes_max: usize,
    within: Duration,
) -> Result<Bytes, ApiError> {
    let deadline = Instant::now() + within;
    let mut read = BytesMut::new();
    loop {
        let frame = timeout_at(deadline, body.frame()).await.map_err(|_| too_slow())?;
        let Some(frame) = frame else { return Ok(read.freeze()) };
        let frame = frame.map_err(|_| {
            ApiError::new(
                Kind::Malformed,
                "incomplete_body",
                "the body could not be read to its end",
            )
        })?;
        if let Ok(data) = frame.into_data() {
            if read.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            read.extend_from_slice(&data);
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(value) = value else { return false };
    let kind = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn not_json() -> ApiError {
    ApiError::new(
        Kind::UnsupportedMediaType,
        "unsupported_media_type",
        "send JSON with Content-Type: application/json",
    )
}

#[cfg(test)]
mod tests {
    use futures_util::{StreamExt, stream};

    use super::*;

    fn pieces(pieces: &[&'static str]) -> Body {
        let pieces: Vec<_> =
            pieces.iter().map(|piece| Ok::<_, std::io::Error>(Bytes::from(*piece))).collect();
        Body::from_stream(stream::iter(pieces))
    }

    #[tokio::test]
    async fn a_body_is_read_to_its_end_but_not_beyond_its_bound() {
        let soon = Duration::from_secs(5);
        assert_eq!(read(pieces(&["ab", "cd"]), 4, soon).await.unwrap(), "abcd");
        assert_eq!(read(pieces(&["ab", "cde"]), 4, soon).await.unwrap_err().code(), "too_large");
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let drop_by_drop = stream::iter([Ok::<_, std::io::Error>(Bytes::from("a"))]);
        let body = Body::from_stream(drop_by_drop.chain(stream::pending()));
        let error = read(body, 4, Duration::from_millis(10)).await.unwrap_err();
        assert_eq!(error.code(), "body_too_slow");
    }
}
