//! Channels: the ways messages come in and go out (H01).

use axum::Json;
use axum::extract::State;
use commands::channel::{CreateChannel, LiveChannel, RemoveChannel, UpdateChannel};
use decider::Version;
use events::channel::ChannelKind;
use events::{ChannelEvent, ChannelId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Listed, PageQuery};
use crate::read::{Id, Params};
use crate::write::{NoBody, Write, target};

const LIST: &str = "channels";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_channels, create_channel)).routes(routes!(
        get_channel,
        update_channel,
        remove_channel
    ))
}

/// A channel.
#[derive(Serialize, ToSchema)]
struct ChannelRow {
    /// The id.
    id: Uuid,
    /// What kind it is.
    #[schema(value_type = ChannelKindWord)]
    kind: ChannelKind,
    /// Its name, also shown to who gets mail from it.
    name: String,
    /// Its address.
    address: String,
    /// Its version.
    version: Version,
}

/// What kind of channel it is.
#[derive(ToSchema)]
#[schema(as = ChannelKind, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum ChannelKindWord {
    /// E-mail.
    Email,
}

/// A new channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateChannelBody {
    /// What kind it is; e-mail if nothing is said.
    #[serde(default)]
    #[schema(value_type = Option<ChannelKindWord>)]
    kind: Option<ChannelKind>,
    /// Its name, also shown to who gets mail from it.
    name: String,
    /// Its address.
    address: String,
}

/// What changes of a channel.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UpdateChannelBody {
    /// Its name from now on.
    #[serde(default)]
    name: Option<String>,
    /// Its address from now on.
    #[serde(default)]
    address: Option<String>,
}

/// Lists channels.
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", params(PageQuery),
    responses((status = 200, description = "a page of channels", body = Listed<ChannelRow>)))]
async fn list_channels(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<ChannelRow>>, ApiError> {
    let after: Option<Uuid> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let directory = app.directory(caller.ws).await?;
    let next = directory.channels().filter(|(id, _)| after.is_none_or(|after| id.0 > after));
    let rows: Vec<_> = next.take(usize::from(query.limit.0) + 1).collect();
    let page = Listed::cut(rows, query.limit, |(id, _)| app.cursor(&caller, LIST, &id.0));
    let ids: Vec<Uuid> = page.items.iter().map(|(id, _)| id.0).collect();
    let mut versions = app.reader().versions(caller.ws, &ids).await?.into_iter();
    Ok(Json(page.map(|(id, channel)| row(id, channel, versions.next().unwrap_or_default()))))
}

/// Creates a channel.
#[utoipa::path(post, path = "/api/v1/channels", tag = "channels", request_body = CreateChannelBody,
    responses((status = 201, description = "created", body = Written)))]
async fn create_channel(
    State(app): State<App>,
    write: Write<CreateChannelBody>,
) -> Result<Answer, ApiError> {
    let channel_id: ChannelId = write.meta.new_id("channel");
    let command = CreateChannel {
        channel_id,
        kind: write.body.kind.unwrap_or(ChannelKind::Email),
        name: write.body.name.clone(),
        address: write.body.address.clone(),
    };
    Ok(Answer::created(app.write(&write, target::<ChannelEvent>(channel_id), command).await?))
}

/// One channel.
#[utoipa::path(get, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = Uuid, Path)),
    responses((status = 200, description = "the channel", body = ChannelRow)))]
async fn get_channel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<ChannelId>,
) -> Result<(Etag, Json<ChannelRow>), ApiError> {
    let directory = app.directory_where(caller.ws, |known| known.channel(id).is_some()).await?;
    let channel = directory.channel(id).ok_or_else(ApiError::not_found)?;
    let version = app.version_of(&caller, id).await?;
    Ok((Etag(version), Json(row(id, channel, version))))
}

/// Changes a channel's name and address.
#[utoipa::path(patch, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = Uuid, Path)),
    request_body = UpdateChannelBody, responses((status = 200, description = "changed", body = Written)))]
async fn update_channel(
    State(app): State<App>,
    Id(channel_id): Id<ChannelId>,
    write: Write<UpdateChannelBody>,
) -> Result<Answer, ApiError> {
    let UpdateChannelBody { name, address } = &write.body;
    let command = UpdateChannel { channel_id, name: name.clone(), address: address.clone() };
    Ok(Answer::ok(app.write(&write, target::<ChannelEvent>(channel_id), command).await?))
}

/// Removes a channel. Its messages stay.
#[utoipa::path(delete, path = "/api/v1/channels/{id}", tag = "channels", params(("id" = Uuid, Path)),
    responses((status = 200, description = "removed", body = Written)))]
async fn remove_channel(
    State(app): State<App>,
    Id(channel_id): Id<ChannelId>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let command = RemoveChannel { channel_id };
    Ok(Answer::ok(app.write(&write, target::<ChannelEvent>(channel_id), command).await?))
}

fn row(id: ChannelId, channel: &LiveChannel, version: Version) -> ChannelRow {
    ChannelRow {
        id: id.0,
        kind: channel.kind,
        name: channel.name.clone(),
        address: channel.address.clone(),
        version,
    }
}
