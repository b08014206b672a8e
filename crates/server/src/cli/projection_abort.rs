//! `projection abort`: gives up what is being built or waits for its switch.

use std::process::ExitCode;

use clap::Args;

use super::views::view;
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// Which build is given up.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk projection abort inbox")]
pub struct ProjectionAbortArgs {
    /// The view
    #[arg(value_name = "VIEW")]
    name: String,
}

pub async fn run(common: &Common, args: ProjectionAbortArgs) -> Result<ExitCode, CliError> {
    let (projection, json) = (view(&args.name)?, common.json);
    session::with_service(common, |service| async move {
        for build in workshop(&service).abort(projection).await? {
            let (name, number) = (build.name, build.build);
            if json {
                output::json_line(&serde_json::json!({ "view": name, "build": number }))?;
            } else {
                output::line(&format!(
                    "{name}: build {number} is given up, its tables are dropped"
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
