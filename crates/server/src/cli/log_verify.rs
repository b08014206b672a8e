//! `log verify`: proves every event, commit, command and claim, and names the first position that is not as it was written.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use decider::WorkspaceId;
use event_store::log::{Finding, KnownHead, Verification, VerifyReport, strangers};
use serde::Serialize;
use vault::PublicKey;

use super::heads;
use super::progress::Progress;
use super::{CliError, Common, DIFFERENT, output, session};
use crate::service::Service;

/// Connections that read events: nobody else waits for the processors of a command.
const READERS: usize = 2;

/// How the log is verified.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk log verify --against /mnt/elsewhere/heads || echo \"keep a copy of the disk\"\n\n\
                  Exit code 3 when something is not as it was written. Without a head kept elsewhere, a chain shows clumsy \
                  edits only: keep what `ledgerdesk log head --signed` prints from time to time."
)]
pub struct LogVerifyArgs {
    /// A file of signed heads that were kept elsewhere and must lie in the log, as `ledgerdesk log head --signed` prints them;
    /// - for stdin; may be given several times
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// The public key that the heads must be signed with, as `ledgerdesk log key` told it, in place of those of the key file;
    /// may be given several times
    #[arg(long, value_name = "PUBLIC KEY", requires = "against")]
    key: Vec<PublicKey>,
}

/// One workspace's part of the answer.
#[derive(Serialize)]
struct Told<'a> {
    workspace: uuid::Uuid,
    #[serde(flatten)]
    report: &'a VerifyReport,
}

pub async fn run(common: &Common, args: LogVerifyArgs) -> Result<ExitCode, CliError> {
    let mut lines = Vec::new();
    for path in &args.against {
        lines.extend(heads::read(path)?);
    }
    let json = common.json;
    session::with_each(common, |service, mut workspaces| async move {
        if service.config.workspace.is_some() {
            workspaces.iter().try_for_each(|ws| heads::all_of(&lines, *ws))?;
        } else {
            // Rows of workspaces that are not there any more are no reason to be silent.
            let mut connection = service.pools.read.acquire().await?;
            workspaces.extend(strangers(&mut connection).await?);
            workspaces.extend(lines.iter().map(|line| WorkspaceId(line.head.workspace)));
            workspaces.sort_unstable();
            workspaces.dedup();
        }
        let proven = heads::proven(&lines, &service.vault, &args.key)?;
        let several = workspaces.len() > 1;
        let mut different = false;
        for ws in workspaces {
            let of_ws = proven.iter().filter(|(of, _)| *of == ws);
            let heads: Vec<KnownHead> = of_ws.map(|(_, head)| *head).collect();
            let report = verify(&service, ws, &heads).await?;
            different |= !report.findings.is_empty();
            if json {
                output::json_line(&Told { workspace: ws.0, report: &report })?;
            } else {
                if several {
                    output::line(&format!("Workspace {}:", ws.0))?;
                }
                describe(&report)?;
            }
        }
        Ok(if different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    })
    .await
}

async fn verify(
    service: &Service,
    ws: WorkspaceId,
    heads: &[KnownHead],
) -> Result<VerifyReport, CliError> {
    let head = service.reader.head(ws).await?.position.0;
    let mut progress = Progress::new("events", head);
    let verification = Verification::of(ws).against(heads).beside(READERS);
    let report =
        verification.run(&service.pools.read, |position| progress.reach(position.0)).await?;
    progress.finish();
    Ok(report)
}

fn describe(report: &VerifyReport) -> Result<(), CliError> {
    output::line(&format!(
        "{} events in {} commits, {} commands, {} claims; head at {}, {}:{}",
        report.events,
        report.commits,
        report.commands,
        report.claims,
        report.head,
        report.head_commit,
        report.head_hash
    ))?;
    if report.heads_compared > 0 {
        output::line(&format!("Compared with heads kept elsewhere: {}", report.heads_compared))?;
    }
    let Some(first) = report.findings.first() else {
        return output::line("The log is as it was written.");
    };
    let place = |finding: &Finding| match finding.position {
        Some(position) => format!("position {position} (commit {})", finding.commit),
        None => format!("commit {}", finding.commit),
    };
    output::line(&format!("The first difference is at {}: {}", place(first), first.what))?;
    for finding in report.findings.iter().skip(1) {
        output::line(&format!("  also at {}: {}", place(finding), finding.what))?;
    }
    Ok(())
}
