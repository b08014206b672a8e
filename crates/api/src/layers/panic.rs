//! A handler that panicked: one answer, one line in the log, and the others go on.

use std::any::Any;

use axum::body::Body;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;

#[derive(Debug, thiserror::Error)]
#[error("a handler panicked")]
struct Panicked;

// The panic's own message went to the panic hook; it may hold anything, so it goes no further here.
pub fn answer(_: Box<dyn Any + Send + 'static>) -> Response<Body> {
    ApiError::failed(Panicked).into_response()
}
