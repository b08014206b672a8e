//! `projection retire`: drops the builds that readers were led away from. There is no way back then.

use std::process::ExitCode;

use clap::Args;
use event_store::projection::rebuild::Force;

use super::views::view;
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// Which builds are dropped.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk projection retire inbox")]
pub struct ProjectionRetireArgs {
    /// The view
    #[arg(value_name = "VIEW")]
    name: String,
    /// Although they were in use less than a day ago
    #[arg(long)]
    now: bool,
}

pub async fn run(common: &Common, args: ProjectionRetireArgs) -> Result<ExitCode, CliError> {
    let (projection, json) = (view(&args.name)?, common.json);
    let force = if args.now { Force::Yes } else { Force::No };
    session::with_service(common, |service| async move {
        for build in workshop(&service).retire(projection, force).await? {
            let (name, version, number) = (build.name, build.version, build.build);
            if json {
                output::json_line(&serde_json::json!({
                    "view": name, "version": version, "build": number,
                }))?;
            } else {
                output::line(&format!("{name}: build {number} of version {version} is dropped"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
