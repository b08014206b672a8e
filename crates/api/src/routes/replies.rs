//! Answers to the contact (C01–C11).

use axum::extract::State;
use commands::ticket::{PropertyInputs, ReplyToTicket};
use decider::{Personal, WorkspaceId};
use events::message::Address;
use events::{ChannelId, DraftId, MessageId, StatusId, TicketEvent};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::addresses::{RecipientBody, addresses};
use super::attachments::{subjects, take_uploads};
use super::drafts::finished;
use super::tickets::Properties;
use crate::answer::{Answer, Written};
use crate::app::App;
use crate::error::ApiError;
use crate::read::Id;
use crate::show::fold::{self, TicketName};
use crate::show::written::complete;
use crate::write::{Write, target};

/// The domain of Message-IDs where no channel has one. It can never be registered.
const NO_DOMAIN: &str = "ledgerdesk.invalid";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(reply))
}

/// An answer. What is absent follows from the message that is answered, and that is the newest.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplyBody {
    /// What is said, as HTML; it is cleaned.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    html: Option<Personal<String>>,
    /// What is said, as text; made of the HTML if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    text: Option<Personal<String>>,
    /// The subject.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    subject: Option<Personal<String>>,
    /// The message that is answered; the newest if absent (C01).
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    in_reply_to: Option<MessageId>,
    /// To.
    #[serde(default)]
    to: Option<Vec<RecipientBody>>,
    /// Cc.
    #[serde(default)]
    cc: Option<Vec<RecipientBody>>,
    /// Bcc.
    #[serde(default)]
    bcc: Option<Vec<RecipientBody>>,
    /// The channel it goes out by.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    from_channel_id: Option<ChannelId>,
    /// Uploads of one's own.
    #[serde(default)]
    attachment_ids: Vec<Uuid>,
    /// The status set together with it (C10).
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    status_id: Option<StatusId>,
    /// Values of custom properties by key or id, set together with it (T10).
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: Properties,
    /// The draft it was written as; it ends with the reply.
    #[serde(default)]
    #[schema(value_type = Option<Uuid>)]
    draft_id: Option<DraftId>,
}

/// A reply that was accepted. `id` and `version` are the ticket's.
#[derive(Serialize, ToSchema)]
struct Replied {
    #[serde(flatten)]
    written: Written,
    /// The message.
    message_id: Uuid,
}

/// Answers the contact, perhaps with a status in one action.
#[utoipa::path(post, path = "/api/v1/tickets/{id}/replies", tag = "thread",
    params(("id" = String, Path, description = "id or number")),
    request_body = ReplyBody, responses((status = 201, description = "accepted", body = Replied)))]
async fn reply(
    State(app): State<App>,
    Id(name): Id<TicketName>,
    write: Write<ReplyBody>,
) -> Result<Answer<Replied>, ApiError> {
    let (caller, body) = (&write.caller, &write.body);
    let ticket_id = fold::visible(&app, caller, name).await?;
    let message_id: MessageId = write.meta.new_id("message");
    let (to, cc, bcc) =
        (addresses(body.to.as_ref()), addresses(body.cc.as_ref()), addresses(body.bcc.as_ref()));
    let attachments = if body.attachment_ids.is_empty() {
        Vec::new()
    } else {
        let named = [&to, &cc, &bcc].into_iter().flatten().flat_map(|list| &list.0);
        let emails = named.map(|address: &Address| address.email.as_str());
        let about = subjects(&app, caller, ticket_id, emails).await?;
        take_uploads(&app, caller, &body.attachment_ids, about).await?
    };
    let said = complete(body.html.clone(), body.text.clone()).await?;
    let command = ReplyToTicket {
        ticket_id,
        message_id,
        mail_message_id: mail_id(&app, caller.ws, message_id, body.from_channel_id).await?,
        text: said.text,
        html: said.html,
        in_reply_to: body.in_reply_to,
        to,
        cc,
        bcc,
        subject: body.subject.clone(),
        from_channel_id: body.from_channel_id,
        attachments,
        status_id: body.status_id,
        properties: PropertyInputs(body.properties.clone()),
        draft_id: body.draft_id,
        undo_seconds: 0,
    };
    let written = app.write(&write, target::<TicketEvent>(ticket_id), command).await?;
    if let Some(draft) = body.draft_id {
        finished(&app, caller, draft).await;
    }
    let message_id = message_id.0;
    Ok(Answer::with(StatusCode::CREATED, written, |written| Replied { written, message_id }))
}

/// The Message-ID a reply goes out under: its id at the domain of the chosen channel, else of the oldest one.
async fn mail_id(
    app: &App,
    ws: WorkspaceId,
    message: MessageId,
    channel: Option<ChannelId>,
) -> Result<Personal<String>, ApiError> {
    let directory = app.directory(ws).await?;
    let chosen = channel.and_then(|id| directory.channel(id));
    let channel = chosen.or_else(|| directory.channels().next().map(|(_, channel)| channel));
    Ok(Personal(mail_id_at(message, channel.map(|channel| channel.address.as_str()))))
}

fn mail_id_at(message: MessageId, address: Option<&str>) -> String {
    let is_plain = |domain: &&str| {
        !domain.is_empty()
            && domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    let domain = address.and_then(|address| address.rsplit_once('@')).map(|(_, domain)| domain);
    format!("{message}@{}", domain.filter(is_plain).unwrap_or(NO_DOMAIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_id_ends_in_the_domain_of_the_channel() {
        let id = MessageId(Uuid::from_u128(7));
        assert_eq!(mail_id_at(id, Some("help@desk.example")), format!("{id}@desk.example"));
        for address in [None, Some("help"), Some("help@"), Some("help@b\u{fc}ro.example")] {
            assert_eq!(mail_id_at(id, address), format!("{id}@ledgerdesk.invalid"), "{address:?}");
        }
    }
}
