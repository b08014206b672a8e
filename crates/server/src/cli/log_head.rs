//! `log head`: where the log ends, to be kept elsewhere.

use std::process::ExitCode;

use clap::Args;
use event_store::log::KnownHead;
use serde_json::json;

use super::{CliError, Common, output, session};

/// What is told of the end of the log.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk log head >> /mnt/elsewhere/heads\n  \
                  ledgerdesk log verify --expect-heads /mnt/elsewhere/heads\n\n\
                  A line per workspace: its id, the number and the hash of its newest commit, and when that was written. Keep \
                  them where the database's owner cannot reach: only against them a log shows that was cut off or written anew.")]
pub struct LogHeadArgs {}

pub async fn run(common: &Common, LogHeadArgs {}: LogHeadArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_each(common, |service, workspaces| async move {
        for ws in workspaces {
            let head = service.reader.head(ws).await?;
            let known = KnownHead { commit: head.commit, hash: head.hash };
            if json {
                let hash = known.to_string().split_off(head.commit.to_string().len() + 1);
                output::json_line(&json!({
                    "workspace": ws.0, "commit": head.commit, "hash": hash,
                    "position": head.position.to_string(), "at": head.at.to_string(),
                }))?;
            } else {
                output::line(&format!("{} {known} {}", ws.0, head.at))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
