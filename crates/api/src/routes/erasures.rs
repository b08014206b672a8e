//! Erasures: forgetting a person, and the certificates (Z06).

use access::Right;
use axum::Json;
use axum::extract::State;
use commands::contact::EraseContact;
use events::erasure::{ErasureReason, SharedChoice};
use events::{ContactEvent, ContactId, ErasureId};
use http::StatusCode;
use projections::traces;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Stale, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::read::{AtLeast, Id, Params};
use crate::show::erasure::{CertificateShown, ErasurePreview, SubjectShown, preview, show};
use crate::show::people;
use crate::show::words::{ErasureReasonWord, SharedChoiceWord};
use crate::write::{Write, target};

const LIST: &str = "erasures";
const VIEW: &str = "traces";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(preview_erasure, erase_contact))
        .routes(routes!(list_erasures))
        .routes(routes!(get_erasure))
}

/// How a person is to be forgotten.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EraseBody {
    /// Why.
    #[schema(value_type = ErasureReasonWord)]
    reason: ErasureReason,
    /// What becomes of contents that concern another person, too; they stay if nothing is said.
    #[serde(default = "keep")]
    #[schema(value_type = Option<SharedChoiceWord>)]
    shared: SharedChoice,
    /// Of those, the ones to be erased although the others stay: ids from the preview.
    #[serde(default)]
    also: Vec<Uuid>,
}

const fn keep() -> SharedChoice {
    SharedChoice::Keep
}

/// A person is being forgotten.
#[derive(Serialize, ToSchema)]
struct ErasureStarted {
    #[serde(flatten)]
    written: Written,
    /// The certificate, as far as the erasure has come.
    certificate: CertificateShown,
}

/// What would be chosen.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PreviewQuery {
    /// What would become of contents that concern another person, too.
    #[serde(default = "keep")]
    #[param(value_type = Option<SharedChoiceWord>)]
    shared: SharedChoice,
}

/// An erasure in a list.
#[derive(Serialize, ToSchema)]
struct ErasureListed {
    /// Its id, which is that of its certificate.
    id: Uuid,
    /// What is erased.
    subject: SubjectShown,
    /// Why.
    #[schema(value_type = ErasureReasonWord)]
    reason: String,
    /// `requested`, `destroyed` or `completed`.
    state: &'static str,
    /// When it was asked for.
    #[schema(format = DateTime)]
    requested_at: String,
    /// When it was done.
    #[schema(format = DateTime)]
    completed_at: Option<String>,
}

/// What forgetting a person would erase, and what it would keep. Nothing is changed.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/erase", tag = "erasures",
    params(("id" = Uuid, Path), PreviewQuery),
    responses((status = 200, description = "what would happen", body = ErasurePreview)))]
async fn preview_erasure(
    State(app): State<App>,
    caller: Caller,
    Id(contact): Id<ContactId>,
    at_least: AtLeast,
    Params(query): Params<PreviewQuery>,
) -> Result<(Stale, Json<ErasurePreview>), ApiError> {
    caller.require(Right::Erase)?;
    if people::contacts(&app, &caller, &[contact.0], None).await?.is_empty() {
        return Err(ApiError::not_found());
    }
    let stale = app.await_view(&caller, at_least, VIEW).await?;
    let plan = erasure::preview(app.erasing(), caller.ws, contact, (query.shared, &[])).await?;
    Ok((stale, Json(preview(&plan))))
}

/// Forgets a person. Answered at once; `GET /erasures/{id}` tells how far it has come. Who was erased before keeps the first
/// certificate.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/erase", tag = "erasures", params(("id" = Uuid, Path)),
    request_body = EraseBody, responses((status = 202, description = "it is being erased", body = ErasureStarted)))]
async fn erase_contact(
    State(app): State<App>,
    Id(contact_id): Id<ContactId>,
    write: Write<EraseBody>,
) -> Result<Answer<ErasureStarted>, ApiError> {
    let caller = &write.caller;
    let EraseBody { reason, shared, also } = &write.body;
    let command = EraseContact {
        contact_id,
        erasure_id: write.meta.new_id("erasure"),
        reason: *reason,
        shared: *shared,
        also: also.clone(),
    };
    let stream = target::<ContactEvent>(contact_id);
    let written = app.write(&write, stream, command).await?;
    let found = people::contacts(&app, caller, &[contact_id.0], None).await?;
    let erased = found.get(&contact_id.0).and_then(|known| known.contact.erased);
    let certificate = certificate(&app, caller, erased.ok_or_else(ApiError::not_found)?).await?;
    Ok(Answer::with(StatusCode::ACCEPTED, written, |written| ErasureStarted {
        written,
        certificate,
    }))
}

/// Erasures, newest first.
#[utoipa::path(get, path = "/api/v1/erasures", tag = "erasures", params(PageQuery),
    responses((status = 200, description = "a page of erasures", body = Listed<ErasureListed>)))]
async fn list_erasures(
    State(app): State<App>,
    caller: Caller,
    at_least: AtLeast,
    Params(query): Params<PageQuery>,
) -> Result<(Stale, Json<Listed<ErasureListed>>), ApiError> {
    caller.require(Right::Erase)?;
    let before: Option<i64> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let stale = app.await_view(&caller, at_least, VIEW).await?;
    let rows = traces::erasures(app.views(), caller.ws, before, u32::from(query.limit.0)).await?;
    let page = Listed::cut(rows, query.limit, |last| app.cursor(&caller, LIST, &last.position));
    Ok((stale, Json(page.map(listed))))
}

/// A certificate: what was erased, how far that has come, and what it does not reach.
#[utoipa::path(get, path = "/api/v1/erasures/{id}", tag = "erasures", params(("id" = Uuid, Path)),
    responses((status = 200, description = "the certificate", body = CertificateShown)))]
async fn get_erasure(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ErasureId>,
) -> Result<Json<CertificateShown>, ApiError> {
    caller.require(Right::Erase)?;
    Ok(Json(certificate(&app, &caller, id).await?))
}

async fn certificate(
    app: &App,
    caller: &Caller,
    id: ErasureId,
) -> Result<CertificateShown, ApiError> {
    let found = erasure::certificate(app.erasing(), caller.ws, id).await?;
    show(app, caller, found.ok_or_else(ApiError::not_found)?).await
}

fn listed(row: traces::ErasureRow) -> ErasureListed {
    let kind = match row.kind.as_str() {
        "message" => "message",
        "comment" => "comment",
        "file" => "file",
        _ => "contact",
    };
    let state = match (row.destroyed_at, row.completed_at) {
        (_, Some(_)) => "completed",
        (Some(_), None) => "destroyed",
        (None, None) => "requested",
    };
    let time = |micros: i64| decider::Timestamp::from_micros(micros).to_string();
    ErasureListed {
        id: row.erasure,
        subject: SubjectShown { kind, id: row.subject, ticket_id: row.ticket },
        reason: row.reason,
        state,
        requested_at: time(row.requested_at),
        completed_at: row.completed_at.map(time),
    }
}
