//! `doctor`: looks at everything the service stands on, changes nothing, and says what to do.

mod database;
mod files;

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::{CliError, Common, output};

/// How the doctor is called.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk doctor\n\nExit code 1 when something has to be mended."
)]
pub struct DoctorArgs {}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but somebody should know.
    Warn,
    /// It has to be mended.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    check: &'static str,
    /// How it came out.
    level: Level,
    /// What was seen.
    seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, seen: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, seen: seen.into(), advice: None }
    }

    fn warn(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Warn, seen: seen.into(), advice: Some(advice.into()) }
    }

    fn fail(check: &'static str, seen: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level: Level::Fail, seen: seen.into(), advice: Some(advice.into()) }
    }
}

pub async fn run(common: &Common, DoctorArgs {}: DoctorArgs) -> Result<ExitCode, CliError> {
    let mut findings = Vec::new();
    match common.quiet_configuration() {
        Ok(config) => {
            let data = config.data.display();
            findings
                .push(Finding::ok("configuration", format!("readable; the data folder is {data}")));
            findings.extend(files::look(&config).await);
            findings.extend(database::look(&config).await);
        }
        Err(CliError::Config(error)) => {
            findings.extend(error.problems.into_iter().map(|problem| {
                let seen = format!("{}: {}", problem.subject, problem.what);
                Finding::fail("configuration", seen, "correct it in the file or the environment")
            }));
        }
        Err(other) => return Err(other),
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    if common.json {
        output::json_line(&serde_json::json!({ "findings": findings }))?;
    } else {
        findings.iter().try_for_each(describe)?;
    }
    Ok(if worst == Some(Level::Fail) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn describe(finding: &Finding) -> Result<(), CliError> {
    let word = match finding.level {
        Level::Ok => "ok  ",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    output::line(&format!("{word}  {}: {}", finding.check, finding.seen))?;
    match &finding.advice {
        Some(advice) => output::line(&format!("      → {advice}")),
        None => Ok(()),
    }
}
