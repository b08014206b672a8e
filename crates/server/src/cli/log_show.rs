//! `log show`: one event, or all of a ticket, with sealed fields opened.

use std::process::ExitCode;

use clap::Args;
use decider::LogPosition;
use serde_json::Value;

use super::{CliError, Common, opened, output, session, ticket_lookup};

/// What is shown.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true),
    after_help = "Examples:\n  ledgerdesk log show 17\n  ledgerdesk log show --ticket 1042"
)]
pub struct LogShowArgs {
    /// The event at this position
    #[arg(group = "what", value_name = "POSITION")]
    position: Option<u64>,
    /// Every event of the ticket with this number
    #[arg(long, group = "what", value_name = "NUMBER")]
    ticket: Option<u64>,
}

pub async fn run(common: &Common, args: LogShowArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let events = match (args.position, args.ticket) {
            (Some(position), _) => {
                let before = LogPosition(position.saturating_sub(1));
                let found = service.reader.after(ws, before, 1).await?;
                if found.first().is_none_or(|event| event.position.0 != position) {
                    return Err(CliError::Missing {
                        what: "event at position",
                        name: position.to_string(),
                    });
                }
                found
            }
            (None, Some(number)) => {
                let ticket = ticket_lookup::ticket(&service, ws, number).await?;
                service.reader.stream(ws, ticket.0, 0).await?
            }
            (None, None) => return Err(CliError::Usage("name a position or --ticket")),
        };
        let payloads = opened::payloads(&service.vault, &events).await?;
        for (event, payload) in events.iter().zip(payloads) {
            let mut shown = opened::envelope(event);
            if let Value::Object(fields) = &mut shown {
                fields.insert("payload".to_owned(), payload);
            }
            if json { output::json_line(&shown)? } else { output::json_pretty(&shown)? }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
