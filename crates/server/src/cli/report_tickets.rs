//! `report tickets`: how many tickets there were at an instant, as it was known at a position (Z10).

use std::process::ExitCode;

use api::reports::{TicketReportQuery, report};
use clap::Args;
use serde_json::Value;

use super::{CliError, Common, asking, output, session};

/// What is counted, when, and as it was known when.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  ledgerdesk report tickets --as-of '2026-03-31T23:59[Europe/Berlin]' --by status,owner\n  \
                        ledgerdesk report tickets --as-of 2026-04-01T00:00:00Z --known-at 81234 --restated-since 70000"
)]
pub struct ReportTicketsArgs {
    /// What had happened by then: an instant or position:123 [default: now]
    #[arg(long, value_name = "PLACE")]
    as_of: Option<String>,
    /// As it was known at this position: the same numbers for ever
    #[arg(long, value_name = "POSITION")]
    known_at: Option<String>,
    /// By what: pipeline, status, status_category, owner, team, priority, source, channel [default: everything]
    #[arg(long, value_name = "LIST")]
    by: Option<String>,
    /// Explain what was recorded after this earlier position
    #[arg(long, value_name = "POSITION")]
    restated_since: Option<String>,
}

pub async fn run(common: &Common, args: ReportTicketsArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let (app, operator) = asking::application(&service, ws, Some("tally")).await?;
        let ReportTicketsArgs { as_of, known_at, by, restated_since } = args;
        let query = TicketReportQuery { as_of, known_at, by, restated_since };
        let (_, report) = report(&app, &operator, api::AtLeast(None), &query).await?;
        if json {
            output::json_line(&report)?;
        } else {
            describe(&serde_json::to_value(&report)?)?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn describe(report: &Value) -> Result<(), CliError> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    output::line(&format!(
        "{} tickets as of {}, as known at position {}",
        report["tickets"],
        text(&report["as_of"]),
        text(&report["known_at"])
    ))?;
    for breakdown in report["breakdowns"].as_array().into_iter().flatten() {
        output::line(&format!("\nby {}", text(&breakdown["by"]).replace('_', " ")))?;
        for group in breakdown["groups"].as_array().into_iter().flatten() {
            let name = match (&group["name"], &group["value"]) {
                (Value::String(name), _) | (Value::Null, Value::String(name)) => name.clone(),
                (Value::Object(_), _) => "(erased)".to_owned(),
                _ => "none".to_owned(),
            };
            output::line(&format!("  {:>9}  {name}", group["tickets"]))?;
        }
    }
    let restated = &report["restated"];
    if restated.is_object() {
        output::line(&format!(
            "\n{} tickets as known at position {}; since then {} tickets and {} changes became known",
            restated["tickets_then"],
            text(&restated["since"]),
            restated["tickets_created"],
            restated["changes"]
        ))?;
        if let (Some(first), Some(last)) =
            (restated["first_position"].as_str(), restated["last_position"].as_str())
        {
            output::line(&format!(
                "  from position {first} to {last}: ledgerdesk log show {first}"
            ))?;
        }
    }
    Ok(())
}
