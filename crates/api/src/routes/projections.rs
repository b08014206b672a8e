//! For operators: what the views are doing, and building them anew without stopping (Z05).

use axum::Json;
use axum::extract::State;
use commands::audit::RecordViewWork;
use event_store::handler::Accepted;
use event_store::projection::rebuild::{self, Build, Difference, DifferenceKind, Force};
use event_store::projection::{ProjectionStatus, ProjectionType};
use events::audit::{ViewBuild, ViewWork};
use events::{AuditEvent, AuditId, decode_stored};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::Caller;
use crate::error::{ApiError, Kind};
use crate::list::Listed;
use crate::read::Id;
use crate::rebuilding::Work;
use crate::write::{NoBody, Write, target};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_projections))
        .routes(routes!(rebuild_projection))
        .routes(routes!(verify_projection))
        .routes(routes!(switch_projection))
        .routes(routes!(roll_projection_back))
        .routes(routes!(abort_projection))
}

/// One build of a view. While a view is built anew, or after a switch, there are several.
#[derive(Serialize, ToSchema)]
struct ProjectionRow {
    /// The view's name.
    name: String,
    /// Its version.
    version: u32,
    /// Which build of that version.
    build: u32,
    /// Where its tables are.
    schema: String,
    /// What it is for, or how far it is: `planned`, `copying`, `indexing`, `catching_up`, `verifying`, `ready`, `active`,
    /// `checking` (made to verify another one) or `aborting`. Readers see the active one; ready ones are kept up to date.
    stage: &'static str,
    /// What this process does with it: `standby` (another one follows it), `catching_up`, `following`, `backing_off`,
    /// `stopped`, or `none`.
    state: &'static str,
    /// Why it is stopped or backing off; what stopped the build, or how it differs from the active one.
    reason: Option<String>,
    /// The last position in it, where this process knows.
    checkpoint: Option<String>,
    /// The newest position this process has heard of.
    head: Option<String>,
    /// How many events it is behind, where this process knows.
    lag_events: Option<u64>,
    /// How many streams it leaves out, where this process knows.
    quarantined_streams: Option<usize>,
    /// Events folded per second while it works.
    events_per_second: f64,
    /// How far the build is; only while it is built.
    progress: Option<BuildProgress>,
    /// What the newest comparison with the log found.
    verified: Option<BuildVerified>,
}

/// How far a build is.
#[derive(Serialize, ToSchema)]
struct BuildProgress {
    /// Events folded, of all workspaces; while it is indexed, indexes made.
    done: u64,
    /// Of how many.
    total: u64,
    /// How many seconds are left, when that can be told.
    seconds_left: Option<u64>,
}

/// A comparison of a build with the log.
#[derive(Serialize, ToSchema)]
struct BuildVerified {
    /// When it was made.
    #[schema(format = DateTime)]
    at: String,
    /// How many rows of all workspaces were compared.
    rows: u64,
    /// The rows that are not as the log says, the first hundred.
    differences: Vec<RowDifference>,
}

/// A row that is not as the log says.
#[derive(Serialize, ToSchema)]
struct RowDifference {
    /// The table.
    table: String,
    /// The key of the row, as `column=value`.
    key: String,
    /// `missing`, `extra` or `changed`.
    what: &'static str,
}

/// What is done with a view.
#[derive(Serialize, ToSchema)]
struct ProjectionWork {
    /// The view's name.
    name: String,
    /// Its version.
    version: u32,
    /// The build that readers are led to, where there is a choice.
    build: Option<u32>,
}

/// To which build readers are led.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SwitchBody {
    /// Although it is not the same as the present one.
    #[serde(default)]
    force: bool,
}

/// What every view is doing, and every build of one.
#[utoipa::path(get, path = "/api/v1/admin/projections", tag = "operation",
    responses((status = 200, description = "all views", body = Listed<ProjectionRow>)))]
async fn list_projections(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Listed<ProjectionRow>>, ApiError> {
    caller.require(access::Right::LogRead)?;
    let statuses = app.view_status();
    let mine: Vec<_> = statuses.into_iter().filter(|status| status.ws == caller.ws).collect();
    let builds = app.rebuilding().builds().await?;
    let items = builds.into_iter().map(|build| {
        let status = mine.iter().find(|status| status.schema == build.schema);
        row(build, status)
    });
    Ok(Json(Listed { items: items.collect(), next_cursor: None }))
}

/// Builds a view anew beside the one that is read, in the background, or goes on with a build that was cut off. The list of
/// views tells how far it is.
#[utoipa::path(post, path = "/api/v1/admin/projections/{name}/rebuild", tag = "operation",
    params(("name" = String, Path, description = "the view")),
    responses((status = 202, description = "begun", body = ProjectionWork)))]
async fn rebuild_projection(
    State(app): State<App>,
    Id(name): Id<String>,
    write: Write<NoBody>,
) -> Result<(StatusCode, Json<ProjectionWork>), ApiError> {
    let work = (&*name, ViewWork::Rebuild);
    let begun = once(&app, &write, work, begin(&app, &name, Work::Rebuild)).await?;
    Ok((StatusCode::ACCEPTED, Json(one(begun)?)))
}

/// Compares every row of a view with what the log gives, in the background. The list of views tells what was found.
#[utoipa::path(post, path = "/api/v1/admin/projections/{name}/verify", tag = "operation",
    params(("name" = String, Path, description = "the view")),
    responses((status = 202, description = "begun", body = ProjectionWork)))]
async fn verify_projection(
    State(app): State<App>,
    Id(name): Id<String>,
    write: Write<NoBody>,
) -> Result<(StatusCode, Json<ProjectionWork>), ApiError> {
    let work = (&*name, ViewWork::Verify);
    let begun = once(&app, &write, work, begin(&app, &name, Work::Verify)).await?;
    Ok((StatusCode::ACCEPTED, Json(one(begun)?)))
}

/// Leads readers to the build that is ready. Every server takes it up within a second; no read fails.
#[utoipa::path(post, path = "/api/v1/admin/projections/{name}/switch", tag = "operation", request_body = SwitchBody,
    params(("name" = String, Path, description = "the view")),
    responses((status = 200, description = "switched", body = ProjectionWork)))]
async fn switch_projection(
    State(app): State<App>,
    Id(name): Id<String>,
    write: Write<SwitchBody>,
) -> Result<Json<ProjectionWork>, ApiError> {
    let force = if write.body.force { Force::Yes } else { Force::No };
    let switch = async { Ok(vec![done(app.rebuilding().switch(&name, force).await?)]) };
    Ok(Json(one(once(&app, &write, (&name, ViewWork::Switch), switch).await?)?))
}

/// Leads readers back to the build they saw before.
#[utoipa::path(post, path = "/api/v1/admin/projections/{name}/rollback", tag = "operation",
    params(("name" = String, Path, description = "the view")),
    responses((status = 200, description = "switched back", body = ProjectionWork)))]
async fn roll_projection_back(
    State(app): State<App>,
    Id(name): Id<String>,
    write: Write<NoBody>,
) -> Result<Json<ProjectionWork>, ApiError> {
    let back = async { Ok(vec![done(app.rebuilding().rollback(&name).await?)]) };
    Ok(Json(one(once(&app, &write, (&name, ViewWork::Rollback), back).await?)?))
}

/// Gives up what is being built or waits for its switch, and drops its tables.
#[utoipa::path(post, path = "/api/v1/admin/projections/{name}/abort", tag = "operation",
    params(("name" = String, Path, description = "the view")),
    responses((status = 200, description = "given up", body = Listed<ProjectionWork>)))]
async fn abort_projection(
    State(app): State<App>,
    Id(name): Id<String>,
    write: Write<NoBody>,
) -> Result<Json<Listed<ProjectionWork>>, ApiError> {
    let abort = async {
        let given_up = app.rebuilding().abort(&name).await?;
        Ok(given_up.into_iter().map(done).collect())
    };
    let items = once(&app, &write, (&name, ViewWork::Abort), abort).await?;
    Ok(Json(Listed { items, next_cursor: None }))
}

async fn begin(app: &App, name: &str, work: Work) -> Result<Vec<ProjectionWork>, ApiError> {
    let ProjectionType { name, version, .. } = app.rebuilding().begin(name, work).await?;
    Ok(vec![ProjectionWork { name: name.to_owned(), version, build: None }])
}

/// Does something with a view and records it (Z02); with a key it is done once (W02). It is recorded when it was done: a request
/// that is repeated because its answer was lost is answered by what is in the log.
async fn once<T>(
    app: &App,
    write: &Write<T>,
    (name, work): (&str, ViewWork),
    act: impl Future<Output = Result<Vec<ProjectionWork>, ApiError>>,
) -> Result<Vec<ProjectionWork>, ApiError> {
    let Write { caller, meta, .. } = write;
    caller.require(access::Right::SettingsManage)?;
    if meta.expected.is_some() {
        let detail = "a view has no version that could be expected";
        return Err(ApiError::new(Kind::Malformed, "invalid_if_match", detail));
    }
    let known = meta.keyed && {
        let known = app.reader().commands(caller.ws, &[meta.command]).await?;
        known.iter().any(Option::is_some)
    };
    let works = if known { Vec::new() } else { act.await? };
    let builds =
        works.iter().map(|done| ViewBuild { version: done.version, build: done.build }).collect();
    let audit_id: AuditId = meta.new_id("view work");
    let record = RecordViewWork { audit_id, view: name.to_owned(), work, builds };
    let accepted = match app.execute(caller, meta, target::<AuditEvent>(audit_id), record).await {
        // While the log takes nothing because it was set back, its views have to be seen to all the more.
        Err(error) if !known && error.code() == "log_rewound" => {
            tracing::warn!(projection = name, ?work, "not recorded: the log was rewound");
            return Ok(works);
        }
        accepted => accepted?,
    };
    if known { recorded(&accepted) } else { Ok(works) }
}

/// What the log says was done.
fn recorded(accepted: &Accepted) -> Result<Vec<ProjectionWork>, ApiError> {
    let mut works = Vec::new();
    for stored in accepted.events() {
        if let AuditEvent::ViewMaintained(it) = decode_stored(stored).map_err(ApiError::failed)? {
            let work = |done: &ViewBuild| {
                let (version, build) = (done.version, done.build);
                ProjectionWork { name: it.view.clone(), version, build }
            };
            works.extend(it.builds.iter().map(work));
        }
    }
    Ok(works)
}

fn one(works: Vec<ProjectionWork>) -> Result<ProjectionWork, ApiError> {
    works.into_iter().next().ok_or_else(ApiError::not_found)
}

fn done(build: Build) -> ProjectionWork {
    ProjectionWork { name: build.name, version: build.version, build: Some(build.build) }
}

fn row(build: Build, status: Option<&ProjectionStatus>) -> ProjectionRow {
    let progress = build.state.is_building().then(|| BuildProgress {
        done: build.events_done,
        total: build.events_total,
        seconds_left: build.seconds_left(),
    });
    ProjectionRow {
        verified: verified(&build),
        version: build.version,
        build: build.build,
        stage: build.state.as_str(),
        state: status.map_or("none", |status| status.state.as_str()),
        reason: status.and_then(|status| status.reason.clone()).or(build.problem),
        checkpoint: status.map(|status| status.checkpoint.to_string()),
        head: status.map(|status| status.head.to_string()),
        lag_events: status.map(|status| status.lag_events),
        quarantined_streams: status.map(|status| status.quarantined),
        events_per_second: status.map_or(build.events_per_second, |status| status.rate),
        progress,
        name: build.name,
        schema: build.schema,
    }
}

fn verified(build: &Build) -> Option<BuildVerified> {
    let (rows, differences) = rebuild::found(build)?;
    let at = decider::Timestamp::from_micros(build.verified_at? * 1_000_000).to_string();
    Some(BuildVerified { at, rows, differences: differences.into_iter().map(difference).collect() })
}

fn difference(difference: Difference) -> RowDifference {
    let what = match difference.what {
        DifferenceKind::Missing => "missing",
        DifferenceKind::Extra => "extra",
        DifferenceKind::Changed => "changed",
    };
    RowDifference { table: difference.table, key: difference.key, what }
}
