//! `projection prepare`: with a new program beside the running old one, the views that it changed are built, so that a restart
//! finds them complete.

use std::process::ExitCode;

use clap::Args;
use event_store::projection::rebuild::BuildState;

use super::projection_rebuild::rebuild;
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// There is nothing to choose.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ./ledgerdesk-new projection prepare && systemctl restart ledgerdesk\n\n\
                  Without it, a restarted server builds them itself, and until then answers their lists with 503 view_building."
)]
pub struct ProjectionPrepareArgs {}

pub async fn run(
    common: &Common,
    ProjectionPrepareArgs {}: ProjectionPrepareArgs,
) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_service(common, |service| async move {
        let workshop = workshop(&service);
        let known = workshop.builds().await?;
        for projection in projections::registry() {
            let complete = known.iter().any(|build| {
                build.is_of(&projection)
                    && matches!(build.state, BuildState::Ready | BuildState::Active)
            });
            let (name, version) = (projection.name, projection.version);
            if !complete {
                rebuild(&workshop, projection).await?;
            }
            let word = if complete { "there already" } else { "built" };
            if json {
                output::json_line(&serde_json::json!({
                    "view": name, "version": version, "built": !complete,
                }))?;
            } else {
                output::line(&format!("{name} {version}: {word}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
