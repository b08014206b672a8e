//! Proving the log over HTTP: begun with one request, looked at with others (Z03).

use axum::Json;
use axum::extract::State;
use commands::audit::RecordVerification;
use decider::WorkspaceId;
use event_store::log::{Finding, HeadRefusal, KnownHead, SignedHead};
use events::AuditId;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault::PublicKey;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::routes::log_heads::SignedLogHead;
use crate::verification::{Stand, Verified};
use crate::write::Write;

/// So many heads may be compared with.
const HEADS_MAX: usize = 1_000;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(begin_log_verification, log_verification))
}

/// Against what the log is verified.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    /// Signed heads that were kept elsewhere and must lie in the log. Without them nobody can tell that the end was cut off, or
    /// that all was written anew.
    #[serde(default)]
    heads: Vec<SignedLogHead>,
}

/// A verification.
#[derive(Serialize, ToSchema)]
struct LogVerification {
    /// `none`, `running`, `done` or `failed`: then the database did not answer.
    state: &'static str,
    /// When it was begun.
    #[schema(format = DateTime)]
    started_at: Option<String>,
    /// The newest verified position.
    position: String,
    /// The number of the newest verified commit and its hash, as `number:hash`.
    head: Option<String>,
    /// How many events were read.
    events: u64,
    /// How many heads kept elsewhere were compared with.
    heads_compared: u64,
    /// Whether everything is as it was written; null until that is known.
    intact: Option<bool>,
    /// What is not, the first hundred in the order of the log.
    findings: Vec<LogFinding>,
}

/// Something that is not as it was written.
#[derive(Serialize, ToSchema)]
struct LogFinding {
    /// The number of the commit; 0 where no commit is concerned.
    commit: u64,
    /// The position, where one event is at fault.
    position: Option<String>,
    /// What is wrong.
    what: &'static str,
}

/// Begins to verify the workspace's log, in the background. One at a time in each process; `GET` tells how it stands, in the
/// same process.
#[utoipa::path(post, path = "/api/v1/admin/log/verify", tag = "operation", request_body = VerifyBody,
    responses((status = 202, description = "begun", body = LogVerification)))]
async fn begin_log_verification(
    State(app): State<App>,
    write: Write<VerifyBody>,
) -> Result<(StatusCode, Json<LogVerification>), ApiError> {
    let Write { caller, meta, body, .. } = write;
    caller.require(access::Right::LogRead)?;
    let heads = heads(&app, caller.ws, body)?;
    let count = u32::try_from(heads.len()).unwrap_or(u32::MAX);
    if !app.verifications().begin((caller.ws, heads), app.reader().clone(), app.now()) {
        let detail = "this server is verifying a log already; look again when that is done";
        return Err(ApiError::new(Kind::Conflict, "verification_running", detail));
    }
    let id: AuditId = meta.new_id("verification");
    let command = RecordVerification { audit_id: id, heads: count };
    app.record_fact(&caller, id.0, command).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(app.verifications().newest(caller.ws)))))
}

/// How the newest verification of the workspace's log in this process stands.
#[utoipa::path(get, path = "/api/v1/admin/log/verify", tag = "operation",
    responses((status = 200, description = "the newest verification", body = LogVerification)))]
async fn log_verification(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<LogVerification>, ApiError> {
    caller.require(access::Right::LogRead)?;
    Ok(Json(shown(app.verifications().newest(caller.ws))))
}

fn heads(app: &App, ws: WorkspaceId, body: VerifyBody) -> Result<Vec<KnownHead>, ApiError> {
    if body.heads.len() > HEADS_MAX {
        return Err(ApiError::invalid_field("heads", "too_many", "are too many"));
    }
    let keys: Vec<PublicKey> =
        app.vault().public_keys(ws).into_iter().map(|(_, key)| key).collect();
    let check = |(index, head)| {
        let head: SignedHead = SignedLogHead::into(head);
        head.check(ws, &keys).map_err(|refusal| refused(index, &refusal))
    };
    body.heads.into_iter().enumerate().map(check).collect()
}

fn refused(index: usize, refusal: &HeadRefusal) -> ApiError {
    let code = match refusal {
        HeadRefusal::Form => "invalid_head",
        HeadRefusal::OtherWorkspace { .. } => "head_of_another_workspace",
        HeadRefusal::OtherKey { .. } => "head_of_another_key",
        HeadRefusal::WrongSignature { .. } => "wrong_signature",
    };
    ApiError::invalid_field(&format!("heads[{index}]"), code, refusal.to_string())
}

fn shown(verified: Option<Verified>) -> LogVerification {
    let mut shown = LogVerification {
        state: "none",
        started_at: verified.as_ref().map(|verified| verified.started_at.to_string()),
        position: "0".to_owned(),
        head: None,
        events: 0,
        heads_compared: 0,
        intact: None,
        findings: Vec::new(),
    };
    match verified.map(|verified| verified.stand) {
        None => {}
        Some(Stand::Failed) => shown.state = "failed",
        Some(Stand::Running { position }) => {
            shown.state = "running";
            shown.position = position.to_string();
        }
        Some(Stand::Done(report)) => {
            shown.state = "done";
            shown.position = report.head.to_string();
            shown.head = Some(format!("{}:{}", report.head_commit, report.head_hash));
            shown.events = report.events;
            shown.heads_compared = report.heads_compared;
            shown.intact = Some(report.findings.is_empty());
            shown.findings = report.findings.iter().map(finding).collect();
        }
    }
    shown
}

fn finding(finding: &Finding) -> LogFinding {
    LogFinding {
        commit: finding.commit,
        position: finding.position.map(|position| position.to_string()),
        what: finding.what,
    }
}
