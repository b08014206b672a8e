//! The body of every answer that is not a success: problem details (RFC 9457) with a stable code.

use axum::response::{IntoResponse, Response};
use decider::{FieldError, StoredEvent};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// An answer that is not a success.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// The status in words.
    pub title: String,
    /// What happened: stable, snake_case.
    pub code: String,
    /// For people.
    pub detail: String,
    /// Field by field, where the input is at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<FieldProblem>,
    /// The right the caller lacks (403).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_right: Option<String>,
    /// Places in the log of what stands in the way (422 `undo_blocked`, `already_undone`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub blocked_by: Vec<String>,
    /// The present version (409 `version_conflict`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<u32>,
    /// What happened since the version that was sent (409 `version_conflict`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<EventLine>>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field as the client named it, such as `properties.severity`.
    pub field: String,
    /// Stable, snake_case.
    pub code: String,
    /// For people.
    pub message: String,
}

/// An event as one line, without its content.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventLine {
    /// Its place in the log.
    pub position: String,
    /// Its stored type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its place in the stream.
    pub version: u32,
    /// When it was recorded.
    #[schema(format = DateTime)]
    pub at: String,
    /// Who caused it, such as `user:0190…`.
    pub actor: String,
}

impl Problem {
    /// A problem without particulars.
    #[must_use]
    pub fn new(status: StatusCode, code: impl Into<String>, detail: String) -> Self {
        Self {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            code: code.into(),
            detail,
            errors: Vec::new(),
            missing_right: None,
            blocked_by: Vec::new(),
            current_version: None,
            events: None,
        }
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, code: error.code.to_owned(), message: error.message }
    }
}

impl From<&StoredEvent> for EventLine {
    fn from(event: &StoredEvent) -> Self {
        Self {
            position: event.position.to_string(),
            kind: event.type_name.clone(),
            version: event.version,
            at: event.at.to_string(),
            actor: event.actor.to_string(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        (status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
