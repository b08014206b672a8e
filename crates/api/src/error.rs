//! Failures on their way out: every answer that is not a success is a problem document, and kind → status is one `match`.

use std::borrow::Cow;
use std::error::Error;

use axum::response::{IntoResponse, Response};
use decider::RejectionKind;
use http::{HeaderValue, StatusCode, header};

use crate::problem::{FieldProblem, Problem};

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
    pub(crate) problem: Box<Problem>,
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
