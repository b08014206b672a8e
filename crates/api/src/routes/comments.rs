//! Words among colleagues (M01–M05).

use axum::extract::State;
use commands::ticket::AddComment;
use decider::Personal;
use events::{CommentId, DraftId, TicketEvent, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::attachments::take_uploads;
use super::drafts::finished;
use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::fold::{self, TicketName};
use crate::show::written::complete;
use crate::write::{Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(comment))
}

/// A comment. The contact never sees it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CommentBody {
    /// What is said, as HTML; it is cleaned.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    html: Option<Personal<String>>,
    /// What is said, as text; made of the HTML if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    text: Option<Personal<String>>,
    /// Users called by name.
    #[serde(default)]
    #[schema(value_type = Vec<Uuid>)]
    mentions: Vec<UserId>,
    /// Uploads of one's own.
    #[serde(default)]
    attachment_ids: Vec<Uuid>,
    /// The draft it was written as; it ends with the comment.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    draft_id: Option<DraftId>,
}

/// A comment that was added. `id` and `version` are the ticket's.
#[derive(Serialize, ToSchema)]
struct Commented {
    #[serde(flatten)]
    written: Written,
    /// The comment.
    comment_id: Uuid,
}

/// Leaves an internal comment.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/comments", tag = "thread",
    params(("id" = String, Path, description = "id or number")),
    request_body = CommentBody, responses((status = 201, description = "added", body = Commented)))]
async fn comment(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<CommentBody>,
) -> Result<Answer<Commented>, ApiError> {
    let (caller, body) = (&write.caller, &write.body);
    let ticket_id = fold::visible(&app, caller, name).await?;
    let comment_id: CommentId = write.meta.new_id("comment");
    let said = complete(body.html.clone(), body.text.clone()).await?;
    let command = AddComment {
        ticket_id,
        comment_id,
        text: said.text,
        html: said.html,
        mentions: body.mentions.clone(),
        attachments: take_uploads(&app, caller, &body.attachment_ids, Vec::new()).await?,
        draft_id: body.draft_id,
    };
    let written = app.write(&write, target::<TicketEvent>(ticket_id), command).await?;
    if let Some(draft) = body.draft_id {
        finished(&app, caller, draft).await;
    }
    let comment_id = comment_id.0;
    Ok(Answer::with(StatusCode::CREATED, written, |written| Commented { written, comment_id }))
}
