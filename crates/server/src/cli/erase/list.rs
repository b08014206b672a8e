//! `erase list`, `erase show`: the certificates.

use std::process::ExitCode;

use clap::Args;
use decider::Timestamp;
use erasure::{certificate, named};
use projections::traces;
use serde_json::json;
use uuid::Uuid;

use super::shown;
use crate::cli::{CliError, Common, output, session};

/// How erasures are listed.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk erase list --limit 20")]
pub struct EraseListArgs {
    /// How many at most
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=200))]
    limit: u32,
}

/// Which certificate is shown.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk erase show 0190f3c2-…")]
pub struct EraseShowArgs {
    /// The certificate's id, or that of the contact
    id: Uuid,
}

pub async fn run(common: &Common, args: EraseListArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_views(common, |service, ws| async move {
        session::await_views(&service, ws).await?;
        let mut rows = traces::erasures(&service.pools.read, ws, None, args.limit).await?;
        rows.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
        for row in rows {
            let state = match (row.destroyed_at, row.completed_at) {
                (_, Some(_)) => "completed",
                (Some(_), None) => "destroyed",
                (None, None) => "requested",
            };
            let asked = Timestamp::from_micros(row.requested_at);
            if json {
                output::json_line(&json!({
                    "id": row.erasure, "kind": row.kind, "subject": row.subject, "ticket": row.ticket,
                    "reason": row.reason, "state": state, "requested_at": asked.to_string(),
                }))?;
            } else {
                let (id, kind, subject) = (row.erasure, row.kind, row.subject);
                output::line(&format!("{id}  {state:<9}  {asked}  {kind} {subject}"))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}

pub async fn show(common: &Common, args: EraseShowArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with(common, |service, ws| async move {
        let missing = || CliError::Missing { what: "erasure", name: args.id.to_string() };
        let erasing = service.erasing();
        let id = named(&erasing, ws, args.id).await?.ok_or_else(missing)?;
        let found = certificate(&erasing, ws, id).await?.ok_or_else(missing)?;
        shown::certificate(&found, json)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}
