//! `generate`: fills a workspace with invented history, for measuring.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::progress::Progress;
use super::{CliError, Common, output, session};
use crate::generate::{self, Plan};

/// What is invented.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk generate --data /var/tmp/measured --tickets 1000000\n\n\
                        About ten events per ticket, half of them messages and comments, spread over years. Interrupted or not: \
                        the same command again adds what is missing and nothing else."
)]
pub struct GenerateArgs {
    /// How many tickets
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    tickets: u64,
    /// How many users
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=2_000))]
    agents: u64,
    /// Another number tells another story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Even if the workspace holds tickets already
    #[arg(long)]
    among_others: bool,
}

pub async fn run(common: &Common, args: GenerateArgs) -> Result<ExitCode, CliError> {
    let GenerateArgs { tickets, agents, seed, among_others } = args;
    let plan = Plan { tickets, agents, seed, among_others };
    session::with_workspace(common, |service, ws| async move {
        let started = Instant::now();
        let mut progress = Progress::new("tickets invented", tickets);
        let written = generate::run(&service, ws, plan, &mut |done| progress.reach(done)).await;
        progress.finish();
        let written = written?;
        let seconds = started.elapsed().as_secs_f64();
        let rate = written.events as f64 / seconds.max(1e-9);
        if common.json {
            output::json_line(&json!({
                "tickets_before": written.tickets_before,
                "tickets": tickets,
                "events": written.events,
                "position": written.position,
                "seconds": seconds,
                "events_per_second": rate,
            }))?;
        } else {
            output::line(&format!(
                "{tickets} tickets ({} were there), {} events in {seconds:.1} s: {rate:.0} events/s",
                written.tickets_before, written.events
            ))?;
        }
        Ok(ExitCode::SUCCESS)
    })
    .await
}
