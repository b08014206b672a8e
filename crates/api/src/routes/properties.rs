//! Definitions of custom properties (T11).

use axum::Json;
use axum::extract::State;
use commands::property::{
    AddChoice, ArchiveProperty, DefineProperty, LiveProperty, RelabelProperty, RetireChoice,
};
use decider::Version;
use events::property::{Choice, DataType};
use events::{PropertyEvent, PropertyId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::json::nullable;
use crate::list::{Listed, PageQuery};
use crate::read::{Id, Params};
use crate::write::{NoBody, Write, target};

const LIST: &str = "properties";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_properties, define_property))
        .routes(routes!(get_property, relabel_property, archive_property))
        .routes(routes!(add_choice))
        .routes(routes!(retire_choice))
}

/// The definition of a property of tickets.
#[derive(Serialize, ToSchema)]
struct PropertyRow {
    /// The id.
    id: Uuid,
    /// Its name in the API; never changes.
    key: String,
    /// What is shown.
    label: String,
    /// What it is for.
    description: Option<String>,
    /// What values it takes.
    #[serde(rename = "type")]
    #[schema(value_type = DataTypeWord)]
    data_type: DataType,
    /// The choices offered, in order.
    choices: Vec<ChoiceBody>,
    /// Stored values of choices no longer offered.
    retired_choices: Vec<String>,
    /// Whether its texts and links may say something about a person, and so are sealed.
    personal: bool,
    /// Whether it takes no new values any more.
    archived: bool,
    /// Its version.
    version: Version,
}

/// What values a property takes.
#[derive(ToSchema)]
#[schema(as = DataType, rename_all = "snake_case")]
#[expect(dead_code, reason = "describes a type of another crate")]
pub enum DataTypeWord {
    /// Free text.
    Text,
    /// A decimal number.
    Number,
    /// A calendar date.
    Date,
    /// Yes or no.
    Boolean,
    /// One of a list.
    SingleChoice,
    /// Some of a list.
    MultiChoice,
    /// A URL.
    Link,
}

/// One choice of a list.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Choice)]
struct ChoiceBody {
    /// What is stored.
    value: String,
    /// What is shown.
    label: String,
}

/// A new property.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DefinePropertyBody {
    /// Its name in the API: lower-case letters, digits and underscores.
    key: String,
    /// What is shown.
    label: String,
    /// What it is for.
    #[serde(default)]
    description: Option<String>,
    /// What values it takes.
    #[serde(rename = "type")]
    #[schema(value_type = DataTypeWord)]
    data_type: DataType,
    /// The choices, for choice types.
    #[serde(default)]
    choices: Vec<ChoiceBody>,
    /// Whether its texts and links may say something about a person; they do if nothing is said.
    #[serde(default)]
    personal: Option<bool>,
}

/// What changes of a property.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RelabelPropertyBody {
    /// Its label from now on.
    #[serde(default)]
    label: Option<String>,
    /// Its description from now on; null removes it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    description: Option<Option<String>>,
}

/// Lists properties, archived ones too.
#[utoipa::path(get, path = "/api/v1/properties", tag = "properties", params(PageQuery),
    responses((status = 200, description = "a page of properties", body = Listed<PropertyRow>)))]
async fn list_properties(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PageQuery>,
) -> Result<Json<Listed<PropertyRow>>, ApiError> {
    let after: Option<Uuid> = app.read_cursor(&caller, LIST, query.cursor.as_deref())?;
    let directory = app.directory(caller.ws).await?;
    let next = directory.properties().filter(|(id, _)| after.is_none_or(|after| id.0 > after));
    let rows: Vec<_> = next.take(usize::from(query.limit.0) + 1).collect();
    let page = Listed::cut(rows, query.limit, |(id, _)| app.cursor(&caller, LIST, &id.0));
    let ids: Vec<Uuid> = page.items.iter().map(|(id, _)| id.0).collect();
    let mut versions = app.reader().versions(caller.ws, &ids).await?.into_iter();
    Ok(Json(page.map(|(id, property)| row(id, property, versions.next().unwrap_or_default()))))
}

/// Defines a property.
#[utoipa::path(post, path = "/api/v1/properties", tag = "properties", request_body = DefinePropertyBody,
    responses((status = 201, description = "defined", body = Written)))]
async fn define_property(
    State(app): State<App>,
    write: Write<DefinePropertyBody>,
) -> Result<Answer, ApiError> {
    let property_id: PropertyId = write.meta.new_id("property");
    let body = &write.body;
    let command = DefineProperty {
        property_id,
        key: body.key.clone(),
        label: body.label.clone(),
        description: body.description.clone(),
        data_type: body.data_type,
        choices: body.choices.iter().cloned().map(Choice::from).collect(),
        personal: body.personal.unwrap_or(true),
    };
    Ok(Answer::created(app.write(&write, target::<PropertyEvent>(property_id), command).await?))
}

/// One property.
#[utoipa::path(get, path = "/api/v1/properties/{id}", tag = "properties", params(("id" = Uuid, Path)),
    responses((status = 200, description = "the property", body = PropertyRow)))]
async fn get_property(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PropertyId>,
) -> Result<(Etag, Json<PropertyRow>), ApiError> {
    let directory = app.directory_where(caller.ws, |known| known.property(id).is_some()).await?;
    let property = directory.property(id).ok_or_else(ApiError::not_found)?;
    let version = app.version_of(&caller, id).await?;
    Ok((Etag(version), Json(row(id, property, version))))
}

/// Changes a property's label and description.
#[utoipa::path(patch, path = "/api/v1/properties/{id}", tag = "properties", params(("id" = Uuid, Path)),
    request_body = RelabelPropertyBody, responses((status = 200, description = "changed", body = Written)))]
async fn relabel_property(
    State(app): State<App>,
    Id(property_id): Id<PropertyId>,
    write: Write<RelabelPropertyBody>,
) -> Result<Answer, ApiError> {
    let command = RelabelProperty {
        property_id,
        label: write.body.label.clone(),
        description: write.body.description.clone().map(Option::unwrap_or_default),
    };
    Ok(Answer::ok(app.write(&write, target::<PropertyEvent>(property_id), command).await?))
}

/// Archives a property: it takes no new values.
#[utoipa::path(delete, path = "/api/v1/properties/{id}", tag = "properties", params(("id" = Uuid, Path)),
    responses((status = 200, description = "archived", body = Written)))]
async fn archive_property(
    State(app): State<App>,
    Id(property_id): Id<PropertyId>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let command = ArchiveProperty { property_id };
    Ok(Answer::ok(app.write(&write, target::<PropertyEvent>(property_id), command).await?))
}

/// Offers one more choice, after the others.
#[utoipa::path(post, path = "/api/v1/properties/{id}/choices", tag = "properties", params(("id" = Uuid, Path)),
    request_body = ChoiceBody, responses((status = 201, description = "offered", body = Written)))]
async fn add_choice(
    State(app): State<App>,
    Id(property_id): Id<PropertyId>,
    write: Write<ChoiceBody>,
) -> Result<Answer, ApiError> {
    let command = AddChoice { property_id, choice: write.body.clone().into() };
    Ok(Answer::created(app.write(&write, target::<PropertyEvent>(property_id), command).await?))
}

/// Offers a choice no longer. Values that have it keep it.
#[utoipa::path(delete, path = "/api/v1/properties/{id}/choices/{value}", tag = "properties",
    params(("id" = Uuid, Path), ("value" = String, Path, description = "the stored value of the choice")),
    responses((status = 200, description = "retired", body = Written)))]
async fn retire_choice(
    State(app): State<App>,
    Id((property_id, value)): Id<(PropertyId, String)>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let command = RetireChoice { property_id, value };
    Ok(Answer::ok(app.write(&write, target::<PropertyEvent>(property_id), command).await?))
}

fn row(id: PropertyId, property: &LiveProperty, version: Version) -> PropertyRow {
    let choices = property.choices.iter().cloned();
    PropertyRow {
        id: id.0,
        key: property.key.clone(),
        label: property.label.clone(),
        description: property.description.clone(),
        data_type: property.data_type,
        choices: choices.map(|Choice { value, label }| ChoiceBody { value, label }).collect(),
        retired_choices: property.retired.clone(),
        personal: property.personal,
        archived: property.archived,
        version,
    }
}

impl From<ChoiceBody> for Choice {
    fn from(ChoiceBody { value, label }: ChoiceBody) -> Self {
        Self { value, label }
    }
}
