//! `log tail`: the newest events as they are stored, and with `--follow` those to come.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use decider::{LogPosition, StoredEvent, WorkspaceId};
use serde_json::Value;

use super::{CliError, Common, opened, output, session};
use crate::service::Service;

/// How often the log is asked for more.
const POLL: Duration = Duration::from_millis(300);
/// How many events are read at once.
const PAGE: u32 = 500;

/// What is shown of the log.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk log tail --follow --json | jq .type")]
pub struct LogTailArgs {
    /// Go on with what is written from now on, until interrupted
    #[arg(long)]
    follow: bool,
    /// Begin after this position instead of near the end
    #[arg(long, value_name = "POSITION")]
    after: Option<u64>,
    /// How many events to show (with --follow: of those there are already)
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

pub async fn run(common: &Common, args: LogTailArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let mut at = match args.after {
            Some(after) => LogPosition(after),
            None => {
                let head = service.reader.head(ws).await?.position.0;
                LogPosition(head.saturating_sub(u64::from(args.limit)))
            }
        };
        let mut left = args.limit;
        while left > 0 {
            let events = service.reader.after(ws, at, left.min(PAGE)).await?;
            let Some(last) = events.last() else { break };
            at = last.position;
            left = left.saturating_sub(u32::try_from(events.len()).unwrap_or(u32::MAX));
            events.iter().try_for_each(|event| show(event, json))?;
        }
        if args.follow {
            tokio::select! {
                ended = follow(&service, ws, at, json) => ended?,
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn follow(
    service: &Service,
    ws: WorkspaceId,
    mut at: LogPosition,
    json: bool,
) -> Result<(), CliError> {
    let mut known = service.reader.head(ws).await?;
    loop {
        // What was shown may have been taken back: then the next is not what follows it.
        service.reader.continues(ws, known.commit, &known.hash).await?;
        known = service.reader.head(ws).await?;
        let events = service.reader.after(ws, at, PAGE).await?;
        for event in &events {
            show(event, json)?;
            at = event.position;
        }
        if events.is_empty() {
            tokio::time::sleep(POLL).await;
        }
    }
}

fn show(event: &StoredEvent, json: bool) -> Result<(), CliError> {
    if json {
        let mut shown = opened::envelope(event);
        if let Value::Object(fields) = &mut shown {
            fields.insert("payload".to_owned(), serde_json::from_slice(&event.payload)?);
        }
        return output::json_line(&shown);
    }
    output::line(&format!(
        "{:>8}  {}  {:<24} {} v{}  by {}",
        event.position, event.at, event.type_name, event.stream, event.version, event.actor
    ))
}
