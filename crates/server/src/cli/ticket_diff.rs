//! `ticket diff`: what happened to a ticket between two places (Z04).

use std::process::ExitCode;

use api::travel::{DiffQuery, TicketName, diff};
use clap::Args;
use serde_json::Value;

use super::{CliError, Common, asking, output, session};

/// Which ticket, between which places.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  ledgerdesk ticket diff 1042 --from version:3\n  \
                        ledgerdesk ticket diff 1042 --from '2026-03-29T09:00[Europe/Paris]' --to position:1200")]
pub struct TicketDiffArgs {
    /// The ticket's number
    number: u64,
    /// The earlier place: an instant, position:123 or version:7
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// The later place [default: the present]
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
}

pub async fn run(common: &Common, args: TicketDiffArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let (app, operator) = asking::application(&service, ws, None).await?;
        let query = DiffQuery { from: args.from, to: args.to };
        let found = diff(&app, &operator, TicketName::Number(args.number), &query).await?;
        if json {
            output::json_line(&found)?;
        } else {
            describe(&serde_json::to_value(&found)?)?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

fn describe(diff: &Value) -> Result<(), CliError> {
    output::line(&format!("Ticket {}", diff["number"]))?;
    for (label, place) in [("from", &diff["from"]), ("to", &diff["to"])] {
        output::line(&format!(
            "  {label:<5} version {} at position {}, {}",
            told(&place["version"]),
            told(&place["position"]),
            told(&place["instant"])
        ))?;
    }
    let changes = diff["changes"].as_array().into_iter().flatten();
    output::line(&format!("\nChanged ({})", changes.clone().count()))?;
    for change in changes {
        let times = change["times"].as_u64().unwrap_or(1);
        let times = if times > 1 { format!(", {times} times") } else { String::new() };
        output::line(&format!(
            "  {:<16} {} → {}",
            told(&change["property"]),
            told(&change["from"]),
            told(&change["to"])
        ))?;
        output::line(&format!(
            "  {:<16} by {} at {} (position {}{times})",
            "",
            told(&change["by"]["name"]),
            told(&change["at"]),
            told(&change["position"])
        ))?;
    }
    output::line(&format!("\nAdded ({})", diff["added_count"]))?;
    for item in diff["added"].as_array().into_iter().flatten() {
        let kind = match item["direction"].as_str() {
            Some("in") => "incoming",
            Some(_) => "outgoing",
            None => "comment",
        };
        output::line(&format!(
            "  {}  {kind:<8} {}  (position {})",
            told(&item["at"]),
            told(&item["author"]["name"]),
            told(&item["position"])
        ))?;
        output::line(&format!("    {}", told(&item["preview"]).replace('\n', " ")))?;
    }
    Ok(())
}

/// A value for people: by its name where it has one.
fn told(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(told).collect::<Vec<_>>().join(", "),
        Value::Object(fields) if fields.contains_key("erased") => "(erased)".to_owned(),
        Value::Object(fields) => {
            let named = ["name", "email", "user", "team", "id"];
            let found = named.iter().filter_map(|name| fields.get(*name));
            found.filter(|value| !value.is_null()).map(told).next().unwrap_or_default()
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_told_by_its_name_z04() {
        assert_eq!(told(&json!({ "id": "7", "name": "Closed", "category": "closed" })), "Closed");
        assert_eq!(told(&json!({ "user": { "id": "7", "name": "Anna" }, "team": null })), "Anna");
        assert_eq!(
            told(&json!({ "id": "7", "name": null, "email": "a@b.example" })),
            "a@b.example"
        );
        assert_eq!(told(&json!(["vip", "late"])), "vip, late");
        assert_eq!(told(&json!([])), "none");
        assert_eq!(told(&json!({ "erased": true, "at": null })), "(erased)");
    }
}
