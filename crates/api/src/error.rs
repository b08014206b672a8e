//! Failures on their way out: every answer that is not a success is a problem document, and kind → status is one `match`.

use std::borrow::Cow;
use std::error::Error;

use axum::response::{IntoResponse, Response};
use decider::{Rejected, RejectionKind};
use event_store::handler::HandleError;
use event_store::log::LogError;
use http::{HeaderValue, StatusCode, header};
use ops::OpsError;
use vault::VaultError;

use crate::problem::{EventLine, FieldProblem, Problem};

/// How long a client that came too early or at a busy moment should wait, unless something better is known.
const RETRY_AFTER_S: u64 = 1;

/// What kind of answer it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    Malformed,
    /// Nobody has signed in.
    Unauthenticated,
    /// Visible but not allowed.
    Forbidden,
    /// Missing, or not visible to the caller.
    NotFound,
    /// The address exists, the method does not.
    MethodNotAllowed,
    /// The request came too slowly.
    TooSlow,
    /// The state does not allow it.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The address is too long.
    AddressTooLong,
    /// The body is of a type that is not read here.
    UnsupportedMediaType,
    /// A rule refuses the content.
    Invalid,
    /// Too many attempts.
    TooMany,
    /// The headers are too large.
    HeadersTooLarge,
    /// Something broke.
    Failed,
    /// Not now.
    Unavailable,
}

impl Kind {
    /// The status of an answer of this kind.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::AddressTooLong => StatusCode::URI_TOO_LONG,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::HeadersTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl From<RejectionKind> for Kind {
    fn from(kind: RejectionKind) -> Self {
        match kind {
            RejectionKind::Invalid => Self::Invalid,
            RejectionKind::Forbidden => Self::Forbidden,
            RejectionKind::NotFound => Self::NotFound,
            RejectionKind::Conflict => Self::Conflict,
        }
    }
}

/// An answer that is not a success.
#[derive(Debug)]
pub struct ApiError {
    kind: Kind,
    problem: Box<Problem>,
    retry_after_s: Option<u64>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The stable code of a problem, beside the response: for the record of refusals.
#[derive(Clone, Debug)]
pub struct ProblemCode(pub Cow<'static, str>);

impl ApiError {
    /// An answer of a kind. `code` is stable, `detail` is for people and repeats nothing of the input.
    #[must_use]
    pub fn new(kind: Kind, code: &'static str, detail: impl Into<String>) -> Self {
        let problem = Problem::new(kind.status(), code, detail.into());
        Self { kind, problem: Box::new(problem), retry_after_s: None, cause: None }
    }

    /// 404, the same for what is missing and for what is not visible.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(Kind::NotFound, "not_found", "there is nothing at this address for you")
    }

    /// 401.
    #[must_use]
    pub fn unauthenticated() -> Self {
        Self::new(Kind::Unauthenticated, "unauthenticated", "sign in, or send a valid token")
    }

    /// 403, naming the right that is missing.
    #[must_use]
    pub fn missing_right(right: access::Right) -> Self {
        let right = right.as_str();
        let detail = format!("the right {right} is missing");
        let mut error = Self::new(Kind::Forbidden, "forbidden", detail);
        error.problem.missing_right = Some(right.to_owned());
        error
    }

    /// 400 for one field of a body or one query parameter.
    #[must_use]
    pub fn malformed_field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        let detail = if field.is_empty() { message.clone() } else { format!("{field}: {message}") };
        Self::new(Kind::Malformed, code, detail).with_field(field, code, message)
    }

    /// 422 for one field.
    #[must_use]
    pub fn invalid_field(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(Kind::Invalid, code, format!("{field} {message}"))
            .with_field(field, code, message)
    }

    /// 503, with how long to wait.
    #[must_use]
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, code, detail).retry_after(RETRY_AFTER_S)
    }

    /// 500. The cause is logged, never answered.
    #[must_use]
    pub fn failed(cause: impl Error + Send + Sync + 'static) -> Self {
        let detail = "something broke on our side; it has been logged";
        let mut error = Self::new(Kind::Failed, "internal", detail);
        error.cause = Some(Box::new(cause));
        error
    }

    /// The same, with the seconds after which to try again.
    #[must_use]
    pub const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same, with what is wrong with one field.
    #[must_use]
    pub fn with_field(mut self, field: &str, code: &str, message: impl Into<String>) -> Self {
        self.problem.errors.push(FieldProblem {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.into(),
        });
        self
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says to people.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.problem.detail
    }

    /// What is wrong with fields.
    #[must_use]
    pub fn fields(&self) -> &[FieldProblem] {
        &self.problem.errors
    }

    /// Its stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.problem.code
    }
}

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        if rejected.kind == RejectionKind::NotFound && rejected.code == "not_found" {
            return Self::not_found();
        }
        let mut error = Self::new(rejected.kind.into(), rejected.code, rejected.detail);
        error.problem.missing_right = rejected.missing_right.map(str::to_owned);
        error.problem.errors = rejected.fields.into_iter().map(FieldProblem::from).collect();
        error
    }
}

impl From<HandleError> for ApiError {
    fn from(error: HandleError) -> Self {
        match error {
            HandleError::Rejected(rejected) => rejected.into(),
            HandleError::KeyReused => Self::new(
                Kind::Conflict,
                "idempotency_key_reused",
                "this Idempotency-Key was used for another request",
            ),
            HandleError::VersionConflict { version, events } => {
                let detail = "it was changed meanwhile, in what this request touches";
                let mut error = Self::new(Kind::Conflict, "version_conflict", detail);
                error.problem.current_version = Some(version);
                error.problem.events = Some(events.iter().map(EventLine::from).collect());
                error
            }
            HandleError::Contended => Self::new(
                Kind::Conflict,
                "contended",
                "too many others change the same thing at this moment; try again",
            ),
            HandleError::Busy => Self::unavailable("busy", "too many requests are waiting"),
            HandleError::Unavailable => Self::unavailable(
                "unavailable",
                "the database did not answer in time; repeat with the same Idempotency-Key",
            ),
            HandleError::Stopping => Self::unavailable("stopping", "the service is restarting"),
            HandleError::WorkspaceClosed => Self::not_found(),
            failed @ HandleError::Failed(_) => Self::failed(failed),
        }
    }
}

impl From<OpsError> for ApiError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::TooMany { retry_after_s } => {
                Self::new(Kind::TooMany, "too_many_attempts", "too many failed attempts to sign in")
                    .retry_after(retry_after_s)
            }
            OpsError::Busy => Self::unavailable("busy", "too many are signing in at this moment"),
            OpsError::LoginTaken => {
                Self::new(Kind::Conflict, "login_taken", "another user signs in with this address")
            }
            OpsError::PasswordTooLong => Self::invalid_field("password", "too_long", "is too long"),
            OpsError::DraftTooLarge => {
                Self::new(Kind::TooLarge, "draft_too_large", "the draft is too large")
            }
            error if error.is_unavailable() => away(),
            error => Self::failed(error),
        }
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::TooLarge { .. } => {
                Self::new(Kind::TooLarge, "too_large", "the file is too large")
            }
            error if error.is_unavailable() => away(),
            error => Self::failed(error),
        }
    }
}

impl From<LogError> for ApiError {
    fn from(error: LogError) -> Self {
        if error.is_unavailable() { away() } else { Self::failed(error) }
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        if ops::is_unavailable(&error) { away() } else { Self::failed(error) }
    }
}

fn away() -> ApiError {
    ApiError::unavailable("unavailable", "the database does not answer at this moment")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            tracing::error!(error.chain = crate::chain::describe(cause.as_ref()), "request failed");
        }
        let code = ProblemCode(Cow::Owned(self.problem.code.clone()));
        let mut response = self.problem.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.kind == Kind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.kind == Kind::TooSlow {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(code);
        response
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::testing::json_of;

    fn rejected(kind: RejectionKind, code: &'static str) -> Rejected {
        Rejected {
            code,
            kind,
            detail: "a sentence".to_owned(),
            fields: Vec::new(),
            missing_right: (kind == RejectionKind::Forbidden).then_some("tickets.edit"),
        }
    }

    #[tokio::test]
    async fn a_rejection_keeps_its_code_and_names_the_missing_right() {
        let error =
            ApiError::from(HandleError::Rejected(rejected(RejectionKind::Forbidden, "forbidden")));
        let response = error.into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let body = json_of(response).await;
        assert_eq!(body["code"], "forbidden");
        assert_eq!(body["missing_right"], "tickets.edit");
        assert_eq!(body["status"], 403);
    }

    #[tokio::test]
    async fn missing_and_invisible_look_the_same() {
        let one = HandleError::Rejected(rejected(RejectionKind::NotFound, "not_found"));
        let domain = json_of(ApiError::from(one).into_response()).await;
        assert_eq!(domain, json_of(ApiError::not_found().into_response()).await);
    }

    #[tokio::test]
    async fn a_failure_says_nothing_about_its_cause() {
        let cause = std::io::Error::other("secret host and path");
        let response = ApiError::failed(cause).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!json_of(response).await.to_string().contains("secret"));
    }

    #[tokio::test]
    async fn a_version_conflict_shows_the_version_and_the_events_since() {
        let event = decider::StoredEvent {
            ws: decider::WorkspaceId(Uuid::nil()),
            position: decider::LogPosition(7),
            at: decider::Timestamp::from_micros(0),
            occurred_at: decider::Timestamp::from_micros(0),
            stream: Uuid::nil(),
            version: 3,
            kind: "ticket".to_owned(),
            type_name: "TicketAssigned".to_owned(),
            schema_version: 1,
            command: decider::CommandId(Uuid::nil()),
            actor: decider::Actor::SYSTEM,
            context: decider::EventContext::default(),
            payload: b"{\"secret\":1}".to_vec(),
        };
        let error = HandleError::VersionConflict { version: 3, events: vec![event] };
        let body = json_of(ApiError::from(error).into_response()).await;
        assert_eq!(body["code"], "version_conflict");
        assert_eq!(body["current_version"], 3);
        assert_eq!(body["events"][0]["position"], "7");
        assert_eq!(body["events"][0]["type"], "TicketAssigned");
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn what_may_work_later_says_when() {
        for error in [HandleError::Busy, HandleError::Unavailable, HandleError::Stopping] {
            let response = ApiError::from(error).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert!(response.headers().contains_key(header::RETRY_AFTER));
        }
        let many = ApiError::from(OpsError::TooMany { retry_after_s: 42 }).into_response();
        assert_eq!(many.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(many.headers()[header::RETRY_AFTER], "42");
    }
}
