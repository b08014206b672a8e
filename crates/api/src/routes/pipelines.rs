//! Pipelines and their statuses (T08, T10).

use axum::Json;
use axum::extract::State;
use commands::Directory;
use commands::pipeline::{
    AddStatus, ArchivePipeline, ChangeStatusDefinition, CreatePipeline, LivePipeline, MoveStatus,
    NewStatus, RenamePipeline,
};
use commands::workspace::SetDefaultPipeline;
use decider::Version;
use events::pipeline::StatusCategory;
use events::{PipelineEvent, PipelineId, PropertyId, StatusId, WorkspaceEvent};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{Answer, Etag, Written};
use crate::app::App;
use crate::caller::Caller;
use crate::error::ApiError;
use crate::list::{Limit, Listed};
use crate::read::{Id, Params};
use crate::several::Several;
use crate::show::properties::property_named;
use crate::show::words::StatusCategoryWord;
use crate::travel::{self, AS_OF, AsOfQuery, Travelled, directory_at, list_at};
use crate::write::{NoBody, Write, target};

const LIST: &str = "pipelines";

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_pipelines, create_pipeline))
        .routes(routes!(get_pipeline, rename_pipeline, archive_pipeline))
        .routes(routes!(set_default_pipeline))
        .routes(routes!(add_status))
        .routes(routes!(change_status_definition))
}

/// A page of pipelines.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PipelinesQuery {
    /// How many items at most: 1 to 200.
    #[serde(default)]
    #[param(value_type = Option<u16>, minimum = 1, maximum = 200, default = 50)]
    limit: Limit,
    /// Where the page before ended: its `next_cursor`.
    cursor: Option<String>,
    /// The pipelines as they were (Z04): an instant or `position:123`.
    as_of: Option<String>,
}

/// A pipeline.
#[derive(Serialize, ToSchema)]
struct PipelineRow {
    /// The id.
    id: Uuid,
    /// Its name.
    name: String,
    /// Its statuses in order.
    statuses: Vec<StatusRow>,
    /// Whether it takes no new tickets any more.
    archived: bool,
    /// Whether new tickets that name no pipeline go here.
    default: bool,
    /// Its version.
    version: Version,
}

/// A status of a pipeline.
#[derive(Serialize, ToSchema)]
struct StatusRow {
    /// The id.
    id: Uuid,
    /// Its name.
    name: String,
    /// What it means.
    #[schema(value_type = StatusCategoryWord)]
    category: StatusCategory,
    /// Properties that must be filled to enter it (T10).
    required_properties: Vec<Uuid>,
}

/// A new pipeline.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreatePipelineBody {
    /// Its name.
    name: String,
    /// Its statuses in order; at least one.
    statuses: Vec<NewStatusBody>,
}

/// A status to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStatusBody {
    /// Its name.
    name: String,
    /// What it means.
    #[schema(value_type = StatusCategoryWord)]
    category: StatusCategory,
    /// Properties that must be filled to enter it: ids or keys.
    #[serde(default)]
    required_properties: Vec<String>,
}

/// A new status.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddStatusBody {
    /// Its name.
    name: String,
    /// What it means.
    #[schema(value_type = StatusCategoryWord)]
    category: StatusCategory,
    /// Properties that must be filled to enter it: ids or keys.
    #[serde(default)]
    required_properties: Vec<String>,
    /// Its place, from 0; last if nothing is said.
    #[serde(default)]
    index: Option<u32>,
}

/// What changes of a status.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeStatusDefinitionBody {
    /// Its name from now on.
    #[serde(default)]
    name: Option<String>,
    /// What it means from now on.
    #[serde(default)]
    #[schema(value_type = Option<StatusCategoryWord>)]
    category: Option<StatusCategory>,
    /// Properties that must be filled to enter it from now on: ids or keys.
    #[serde(default)]
    required_properties: Option<Vec<String>>,
    /// Its place from now on, from 0.
    #[serde(default)]
    index: Option<u32>,
}

/// Another name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenamePipelineBody {
    /// Its name from now on.
    name: String,
}

/// A pipeline that was created.
#[derive(Serialize, ToSchema)]
struct CreatedPipeline {
    #[serde(flatten)]
    written: Written,
    /// The ids of its statuses, in order.
    status_ids: Vec<Uuid>,
}

/// A status that was added.
#[derive(Serialize, ToSchema)]
struct AddedStatus {
    #[serde(flatten)]
    written: Written,
    /// The id of the status.
    status_id: Uuid,
}

/// Lists pipelines, archived ones too, as they are now or were at an earlier place in the log.
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "pipelines", params(PipelinesQuery),
    responses((status = 200, description = "a page of pipelines", body = Travelled<Listed<PipelineRow>>)))]
async fn list_pipelines(
    State(app): State<App>,
    caller: Caller,
    Params(query): Params<PipelinesQuery>,
) -> Result<Json<Travelled<Listed<PipelineRow>>>, ApiError> {
    let moment = travel::read(AS_OF, query.as_of.as_deref())?;
    let list = list_at(LIST, moment);
    let after: Option<Uuid> = app.read_cursor(&caller, &list, query.cursor.as_deref())?;
    let cut = |directory: &Directory| {
        let next = directory.pipelines().filter(|(id, _)| after.is_none_or(|after| id.0 > after));
        let known = next.map(|(id, pipeline)| (id, pipeline.clone()));
        let rows: Vec<_> = known.take(usize::from(query.limit.0) + 1).collect();
        let page = Listed::cut(rows, query.limit, |(id, _)| app.cursor(&caller, &list, &id.0));
        (page, directory.default_pipeline())
    };
    let shown = |(page, default): (Listed<(PipelineId, LivePipeline)>, _), versions: &[Version]| {
        let mut versions = versions.iter().copied();
        page.map(|(id, pipeline)| {
            row(id, &pipeline, default == Some(id), versions.next().unwrap_or_default())
        })
    };
    let Some(moment) = moment else {
        let page = cut(&*app.directory(caller.ws).await?);
        let ids: Vec<Uuid> = page.0.items.iter().map(|(id, _)| id.0).collect();
        let versions = app.reader().versions(caller.ws, &ids).await?;
        return Ok(Json(Travelled::now(shown(page, &versions))));
    };
    let at = travel::resolve(&app, &caller, None, (AS_OF, moment)).await?;
    let then = directory_at(&app, &caller, at).await?;
    let page = cut(&then.directory);
    let versions = page.0.items.iter().map(|(id, _)| then.version(id.0)).collect::<Vec<_>>();
    let as_of = at.shown(then.newest_of_all(), None);
    Ok(Json(Travelled::then(shown(page, &versions), as_of)))
}

/// Creates a pipeline with its statuses.
#[utoipa::path(post, path = "/api/v1/pipelines", tag = "pipelines", request_body = CreatePipelineBody,
    responses((status = 201, description = "created", body = CreatedPipeline)))]
async fn create_pipeline(
    State(app): State<App>,
    write: Write<CreatePipelineBody>,
) -> Result<Answer<CreatedPipeline>, ApiError> {
    let pipeline_id: PipelineId = write.meta.new_id("pipeline");
    let directory = app.newest_directory(write.caller.ws).await?;
    let mut statuses = Vec::with_capacity(write.body.statuses.len());
    for (index, status) in write.body.statuses.iter().enumerate() {
        let field = format!("statuses.{index}.required_properties");
        statuses.push(NewStatus {
            id: write.meta.new_id(&format!("status.{index}")),
            name: status.name.clone(),
            category: status.category,
            required_properties: required(&directory, &field, &status.required_properties)?,
        });
    }
    let status_ids = statuses.iter().map(|status| status.id.0).collect();
    let command = CreatePipeline { pipeline_id, name: write.body.name.clone(), statuses };
    let written = app.write(&write, target::<PipelineEvent>(pipeline_id), command).await?;
    let body = |written| CreatedPipeline { written, status_ids };
    Ok(Answer::with(StatusCode::CREATED, written, body))
}

/// One pipeline, as it is now or was at an earlier place in the log.
#[utoipa::path(get, path = "/api/v1/pipelines/{id}", tag = "pipelines",
    params(("id" = Uuid, Path), AsOfQuery),
    responses((status = 200, description = "the pipeline", body = Travelled<PipelineRow>)))]
async fn get_pipeline(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<PipelineId>,
    Params(query): Params<AsOfQuery>,
) -> Result<(Etag, Json<Travelled<PipelineRow>>), ApiError> {
    let moment = query.moment()?;
    let directory = app.directory_where(caller.ws, |known| known.pipeline(id).is_some()).await?;
    let pipeline = directory.pipeline(id).ok_or_else(ApiError::not_found)?;
    let Some(moment) = moment else {
        let version = app.version_of(&caller, id).await?;
        let is_default = directory.default_pipeline() == Some(id);
        let shown = Travelled::now(row(id, pipeline, is_default, version));
        return Ok((Etag(version), Json(shown)));
    };
    let at = travel::resolve(&app, &caller, Some(id.0), (AS_OF, moment)).await?;
    let then = directory_at(&app, &caller, at).await?;
    let pipeline = then.directory.pipeline(id).ok_or_else(travel::not_yet_created)?;
    let (version, newest) = (then.version(id.0), then.newest(id.0));
    let is_default = then.directory.default_pipeline() == Some(id);
    let shown = row(id, pipeline, is_default, version);
    Ok((Etag(version), Json(Travelled::then(shown, at.shown(newest, Some(version))))))
}

/// Gives a pipeline another name.
#[utoipa::path(patch, path = "/api/v1/pipelines/{id}", tag = "pipelines", params(("id" = Uuid, Path)),
    request_body = RenamePipelineBody, responses((status = 200, description = "renamed", body = Written)))]
async fn rename_pipeline(
    State(app): State<App>,
    Id(pipeline_id): Id<PipelineId>,
    write: Write<RenamePipelineBody>,
) -> Result<Answer, ApiError> {
    let command = RenamePipeline { pipeline_id, name: write.body.name.clone() };
    Ok(Answer::ok(app.write(&write, target::<PipelineEvent>(pipeline_id), command).await?))
}

/// Archives a pipeline. Its tickets stay in it.
#[utoipa::path(delete, path = "/api/v1/pipelines/{id}", tag = "pipelines", params(("id" = Uuid, Path)),
    responses((status = 200, description = "archived", body = Written)))]
async fn archive_pipeline(
    State(app): State<App>,
    Id(pipeline_id): Id<PipelineId>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let command = ArchivePipeline { pipeline_id };
    Ok(Answer::ok(app.write(&write, target::<PipelineEvent>(pipeline_id), command).await?))
}

/// Makes a pipeline the one of new tickets that name none. Answers the version of the workspace, whose setting it is.
#[utoipa::path(put, path = "/api/v1/pipelines/{id}/default", tag = "pipelines", params(("id" = Uuid, Path)),
    responses((status = 200, description = "new tickets go there", body = Written)))]
async fn set_default_pipeline(
    State(app): State<App>,
    Id(pipeline_id): Id<PipelineId>,
    write: Write<NoBody>,
) -> Result<Answer, ApiError> {
    let directory = app.directory(write.caller.ws).await?;
    let workspace = directory.workspace_id().ok_or_else(ApiError::not_found)?;
    let command = SetDefaultPipeline { pipeline_id };
    Ok(Answer::ok(app.write(&write, target::<WorkspaceEvent>(workspace), command).await?))
}

/// Adds a status to a pipeline.
#[utoipa::path(post, path = "/api/v1/pipelines/{id}/statuses", tag = "pipelines", params(("id" = Uuid, Path)),
    request_body = AddStatusBody, responses((status = 201, description = "added", body = AddedStatus)))]
async fn add_status(
    State(app): State<App>,
    Id(pipeline_id): Id<PipelineId>,
    write: Write<AddStatusBody>,
) -> Result<Answer<AddedStatus>, ApiError> {
    let directory = app.newest_directory(write.caller.ws).await?;
    let body = &write.body;
    let status = NewStatus {
        id: write.meta.new_id("status"),
        name: body.name.clone(),
        category: body.category,
        required_properties: required(
            &directory,
            "required_properties",
            &body.required_properties,
        )?,
    };
    let status_id = status.id.0;
    let command = AddStatus { pipeline_id, status, index: body.index };
    let written = app.write(&write, target::<PipelineEvent>(pipeline_id), command).await?;
    Ok(Answer::with(StatusCode::CREATED, written, |written| AddedStatus { written, status_id }))
}

/// Changes what a status is called, means and asks for, and where it stands.
#[utoipa::path(patch, path = "/api/v1/pipelines/{id}/statuses/{status_id}", tag = "pipelines",
    params(("id" = Uuid, Path), ("status_id" = Uuid, Path)),
    request_body = ChangeStatusDefinitionBody, responses((status = 200, description = "changed", body = Written)))]
async fn change_status_definition(
    State(app): State<App>,
    Id((pipeline_id, status_id)): Id<(PipelineId, StatusId)>,
    write: Write<ChangeStatusDefinitionBody>,
) -> Result<Answer, ApiError> {
    let ChangeStatusDefinitionBody { name, category, required_properties, index } = &write.body;
    let directory = app.newest_directory(write.caller.ws).await?;
    let field = "required_properties";
    let required_properties =
        required_properties.as_ref().map(|names| required(&directory, field, names)).transpose()?;
    let (name, category) = (name.clone(), *category);
    let change =
        ChangeStatusDefinition { pipeline_id, status_id, name, category, required_properties };
    let place = index.map(|index| MoveStatus { pipeline_id, status_id, index });
    let command = Several::new("ChangeStatusDefinition").and(Some(change)).and(place);
    Ok(Answer::ok(app.write(&write, target::<PipelineEvent>(pipeline_id), command).await?))
}

fn required(
    directory: &Directory,
    field: &str,
    names: &[String],
) -> Result<Vec<PropertyId>, ApiError> {
    names
        .iter()
        .map(|name| {
            property_named(directory, name).ok_or_else(|| {
                ApiError::invalid_field(
                    field,
                    "unknown_property",
                    "names a property that is not known",
                )
            })
        })
        .collect()
}

fn row(id: PipelineId, pipeline: &LivePipeline, is_default: bool, version: Version) -> PipelineRow {
    let statuses = pipeline.statuses.iter().map(|status| StatusRow {
        id: status.id.0,
        name: status.name.clone(),
        category: status.category,
        required_properties: status.required_properties.iter().map(|id| id.0).collect(),
    });
    PipelineRow {
        id: id.0,
        name: pipeline.name.clone(),
        statuses: statuses.collect(),
        archived: pipeline.archived,
        default: is_default,
        version,
    }
}
