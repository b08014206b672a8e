//! What the crates below refuse or fail with, as answers.

use decider::{Rejected, RejectionKind};
use erasure::ErasureError;
use event_store::handler::HandleError;
use event_store::log::LogError;
use event_store::projection::rebuild::RebuildError;
use ops::OpsError;
use vault::VaultError;

use crate::error::{ApiError, Kind};
use crate::problem::{EventLine, FieldProblem};

/// So many fields an answer finds fault with: whoever sends ten thousand wrong ones is not answered with as many.
const FIELDS_MAX: usize = 100;

impl From<Rejected> for ApiError {
    fn from(rejected: Rejected) -> Self {
        if rejected.kind == RejectionKind::NotFound && rejected.code == "not_found" {
            return Self::not_found();
        }
        let mut error = Self::new(rejected.kind.into(), rejected.code, rejected.detail);
        error.problem.missing_right = rejected.missing_right.map(str::to_owned);
        let fields = rejected.fields.into_iter().take(FIELDS_MAX);
        error.problem.errors = fields.map(FieldProblem::from).collect();
        error.problem.blocked_by = rejected.positions.iter().map(ToString::to_string).collect();
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
            HandleError::Rewound => Self::unavailable(
                "log_rewound",
                "the log was rewound: nothing is written until a person has looked at it",
            ),
            failed @ HandleError::Failed(_) => Self::failed(failed),
        }
    }
}

impl From<ErasureError> for ApiError {
    fn from(error: ErasureError) -> Self {
        match error {
            ErasureError::Log(error) => error.into(),
            ErasureError::Handle(error) => error.into(),
            ErasureError::Ops(error) => error.into(),
            ErasureError::Vault(error) => error.into(),
            ErasureError::Views(error) => error.into(),
            ErasureError::Decode(error) => Self::failed(error),
            ErasureError::Unknown => Self::not_found(),
        }
    }
}

impl From<OpsError> for ApiError {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::TooMany { retry_after_s, .. } => {
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

impl From<RebuildError> for ApiError {
    fn from(error: RebuildError) -> Self {
        let code = match &error {
            RebuildError::UnknownView { .. } => {
                return Self::new(Kind::NotFound, "unknown_view", error.to_string());
            }
            RebuildError::Database(_) => return away(),
            RebuildError::Stopping => {
                return Self::unavailable("stopping", "the service is restarting");
            }
            RebuildError::Busy { .. } => "view_busy",
            RebuildError::Waiting { .. } => "build_waiting",
            RebuildError::NotReady { .. } | RebuildError::NotActive { .. } => "build_not_ready",
            RebuildError::Differs { .. } => "build_differs",
            RebuildError::NoWayBack { .. } => "no_way_back",
            RebuildError::NothingToAbort { .. } => "nothing_to_abort",
            RebuildError::TooSoon { .. } => "too_soon",
            RebuildError::LiveStands { .. } => "view_stands",
            RebuildError::Aborted => "build_aborted",
            RebuildError::DiskFull(_) => "disk_full",
            RebuildError::Stopped(_) => return Self::failed(error),
        };
        Self::new(Kind::Conflict, code, error.to_string())
    }
}

fn away() -> ApiError {
    ApiError::unavailable("unavailable", "the database does not answer at this moment")
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use http::{StatusCode, header};
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
            positions: Vec::new(),
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
        let many =
            ApiError::from(OpsError::TooMany { retry_after_s: 42, account: true }).into_response();
        assert_eq!(many.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(many.headers()[header::RETRY_AFTER], "42");
    }
}
