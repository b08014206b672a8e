//! `projection switch`: leads readers to the build that is ready.

use std::process::ExitCode;

use clap::Args;
use event_store::projection::rebuild::Force;

use super::views::view;
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// To which view readers are led.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk projection switch inbox")]
pub struct ProjectionSwitchArgs {
    /// The view
    #[arg(value_name = "VIEW")]
    name: String,
    /// Although it is not the same as the present one
    #[arg(long)]
    force: bool,
}

pub async fn run(common: &Common, args: ProjectionSwitchArgs) -> Result<ExitCode, CliError> {
    let (projection, json) = (view(&args.name)?, common.json);
    let force = if args.force { Force::Yes } else { Force::No };
    session::with_service(common, |service| async move {
        let build = workshop(&service).switch(projection, force).await?;
        let (name, number) = (build.name, build.build);
        if json {
            output::json_line(&serde_json::json!({ "view": name, "build": number }))?;
        } else {
            output::line(&format!("{name}: readers are led to build {number} within a second"))?;
            output::line(&format!("The way back: ledgerdesk projection rollback {name}"))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
