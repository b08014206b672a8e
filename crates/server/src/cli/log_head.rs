//! `log head`: where the log ends; signed, to be kept elsewhere.

use std::process::ExitCode;

use clap::Args;
use decider::WorkspaceId;
use event_store::log::{KnownHead, SignedHead};
use serde_json::json;

use super::{CliError, Common, output, session};
use crate::service::{Service, now};

/// How many signed heads are read at once.
const PAGE: u32 = 500;

/// What is told of the end of the log.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk log head --signed >> /mnt/elsewhere/heads\n  \
                  ledgerdesk log verify --against /mnt/elsewhere/heads\n\n\
                  A line per workspace: its id, the number and the hash of its newest commit, and when that was written; with \
                  --signed a JSON object with the same and a signature. Keep these where the database's owner cannot reach: \
                  only against them a log shows that was cut off or written anew.")]
pub struct LogHeadArgs {
    /// Sign it, as `log verify --against` takes it
    #[arg(long)]
    signed: bool,
    /// The heads as well that the server signed before, newest first
    #[arg(long, requires = "signed")]
    all: bool,
}

pub async fn run(common: &Common, args: LogHeadArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_each(common, |service, workspaces| async move {
        for ws in workspaces {
            let head = service.reader.head(ws).await?;
            let known = KnownHead { commit: head.commit, hash: head.hash };
            if args.signed {
                let signed = SignedHead::sign(ws, &head, &service.vault.signer(ws), now());
                output::line(&signed.to_line()?)?;
                if args.all {
                    older(&service, ws, head.commit).await?;
                }
            } else if json {
                output::json_line(&json!({
                    "workspace": ws.0, "commit": head.commit, "hash": known.hash_digits(),
                    "position": head.position.to_string(), "at": head.at.to_string(),
                }))?;
            } else {
                let (commit, digits) = (head.commit, known.hash_digits());
                output::line(&format!("{} {commit}:{digits} {}", ws.0, head.at))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// What the server signed and kept of commits before this one.
async fn older(service: &Service, ws: WorkspaceId, commit: u64) -> Result<(), CliError> {
    let mut before = commit;
    loop {
        let page = service.ops.heads.page(ws, Some(before), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = last.commit;
        page.iter().try_for_each(|kept| output::line(&kept.document))?;
    }
}
