//! `projection list`: every view, its version, how far it is, and how many streams it leaves out.

use std::process::ExitCode;

use clap::Args;
use decider::LogPosition;
use serde::Serialize;
use sqlx::Row;

use super::{CliError, Common, output, session};

/// How the views are listed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk projection list --json")]
pub struct ProjectionListArgs {}

/// One build of a view.
#[derive(Debug, Serialize)]
pub struct Build {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i32,
    /// The number of the build of that version.
    pub build: i32,
    /// The schema its tables live in.
    pub schema: String,
    /// What it is for, or how far it is: active, ready, copying, …
    pub state: String,
    /// What stopped it, or what comparing it found.
    pub problem: Option<String>,
    /// How many events are folded in a second, while it is built.
    pub events_per_second: f64,
    /// How many seconds are left, while it is built.
    pub seconds_left: Option<u64>,
    /// How far it is.
    pub checkpoint: LogPosition,
    /// How far it is behind.
    pub lag: u64,
    /// How many streams it leaves out.
    pub quarantined: i64,
}

pub async fn run(
    common: &Common,
    ProjectionListArgs {}: ProjectionListArgs,
) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let head = service.reader.head(ws).await?.position;
        let builds = builds(&service.pools.read, ws, head).await?;
        if json {
            output::json_line(&serde_json::json!({ "head": head, "items": builds }))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(&format!(
            "{:<16} {:>7} {:>5} {:<11} {:>10} {:>8} {:>11}",
            "view", "version", "build", "state", "position", "behind", "left out"
        ))?;
        for build in builds {
            output::line(&format!(
                "{:<16} {:>7} {:>5} {:<11} {:>10} {:>8} {:>11}",
                build.name,
                build.version,
                build.build,
                build.state,
                build.checkpoint,
                build.lag,
                build.quarantined
            ))?;
            if let Some(problem) = build.problem {
                output::line(&format!("    {problem}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// Every build with its place in a workspace.
pub async fn builds(
    pool: &sqlx::PgPool,
    ws: decider::WorkspaceId,
    head: LogPosition,
) -> Result<Vec<Build>, sqlx::Error> {
    let rows =
        sqlx::query(include_str!("sql/projection_list.sql")).bind(ws.0).fetch_all(pool).await?;
    rows.iter()
        .map(|row| {
            let checkpoint = u64::try_from(row.try_get::<i64, _>("checkpoint")?).unwrap_or(0);
            let rate: f64 = row.try_get("events_per_second")?;
            let left: i64 = row.try_get("events_left")?;
            Ok(Build {
                name: row.try_get("name")?,
                version: row.try_get("version")?,
                build: row.try_get("build")?,
                schema: row.try_get("schema_name")?,
                state: row.try_get("state")?,
                problem: row.try_get("problem")?,
                events_per_second: rate,
                seconds_left: (rate > 0.0).then(|| (left as f64 / rate).ceil() as u64),
                checkpoint: LogPosition(checkpoint),
                lag: head.0.saturating_sub(checkpoint),
                quarantined: row.try_get("quarantined")?,
            })
        })
        .collect()
}
