//! `log key`: what the signatures of heads are checked with.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{CliError, Common, output, session};

/// What is told of the keys.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk log key > /mnt/elsewhere/keys\n\n\
                  A line per workspace and line of the key file: the workspace, the number, the public key; the last one signs. No \
                  secrets: keep them beside the heads, and hand them to whoever shall check these.")]
pub struct LogKeyArgs {}

pub async fn run(common: &Common, LogKeyArgs {}: LogKeyArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_each(common, |service, workspaces| async move {
        for ws in workspaces {
            for (number, key) in service.vault.public_keys(ws) {
                if json {
                    let told = json!({ "workspace": ws.0, "number": number, "public_key": key.to_string() });
                    output::json_line(&told)?;
                } else {
                    output::line(&format!("{} {number} {key}", ws.0))?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
