//! `projection rollback`: leads readers back to the build they saw before.

use std::process::ExitCode;

use clap::Args;

use super::views::view;
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// Which view readers are led back to.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk projection rollback inbox")]
pub struct ProjectionRollbackArgs {
    /// The view
    #[arg(value_name = "VIEW")]
    name: String,
}

pub async fn run(common: &Common, args: ProjectionRollbackArgs) -> Result<ExitCode, CliError> {
    let (projection, json) = (view(&args.name)?, common.json);
    session::with_service(common, |service| async move {
        let build = workshop(&service).rollback(projection).await?;
        let (name, number) = (build.name, build.build);
        if json {
            output::json_line(&serde_json::json!({ "view": name, "build": number }))?;
        } else {
            output::line(&format!(
                "{name}: readers are led back to build {number} within a second"
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
