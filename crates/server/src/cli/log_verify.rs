//! `log verify`: proves every event, commit, command and claim, and names the first position that is not as it was written.

use std::process::ExitCode;

use clap::Args;
use event_store::log::{VerifyReport, verify};

use super::progress::Progress;
use super::{CliError, Common, output, session};

/// The exit code for a difference.
const DIFFERENT: u8 = 3;

/// How the log is verified.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk log verify || echo \"keep a copy of the disk\"\n\n\
                  Exit code 3 when something is not as it was written. Without a copy of the head hash kept elsewhere, a \
                  chain shows clumsy edits only: write the hash down from time to time.")]
pub struct LogVerifyArgs {}

pub async fn run(common: &Common, LogVerifyArgs {}: LogVerifyArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let head = service.reader.head(ws).await?.position.0;
        let mut progress = Progress::new("events", head);
        let report = verify(&service.pools.read, ws, |position| progress.reach(position.0)).await?;
        progress.finish();
        if json {
            output::json_line(&report)?
        } else {
            describe(&report)?
        }
        Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
    })
    .await
}

fn describe(report: &VerifyReport) -> Result<(), CliError> {
    output::line(&format!(
        "{} events in {} commits, {} commands, {} claims; head at {}, hash {}",
        report.events,
        report.commits,
        report.commands,
        report.claims,
        report.head,
        report.head_hash
    ))?;
    let Some(first) = report.findings.first() else {
        return output::line("The log is as it was written.");
    };
    let place = |finding: &event_store::log::Finding| match finding.position {
        Some(position) => format!("position {position} (commit {})", finding.commit),
        None => format!("commit {}", finding.commit),
    };
    output::line(&format!("The first difference is at {}: {}", place(first), first.what))?;
    for finding in report.findings.iter().skip(1) {
        output::line(&format!("  also at {}: {}", place(finding), finding.what))?;
    }
    Ok(())
}
