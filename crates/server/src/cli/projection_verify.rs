//! `projection verify`: every row of a view compared with what the log gives, and those that differ named.

use std::process::ExitCode;

use clap::Args;

use super::views::{DIFFERENT, Shown, views};
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// Which views are compared.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk projection verify --all || ledgerdesk projection rebuild inbox\n\n\
                  The log is folded once more into tables of its own, which are dropped afterwards: it needs as much room as the view \
                  without its indexes. Exit code 3 when a row is not as the log says."
)]
pub struct ProjectionVerifyArgs {
    /// The views
    #[arg(value_name = "VIEW")]
    names: Vec<String>,
    /// All views, one after the other
    #[arg(long)]
    all: bool,
}

pub async fn run(common: &Common, args: ProjectionVerifyArgs) -> Result<ExitCode, CliError> {
    let wanted = views(&args.names, args.all)?;
    let json = common.json;
    session::with_service(common, |service| async move {
        let workshop = workshop(&service);
        let mut different = false;
        for projection in wanted {
            let shown = Shown::new();
            let verified = workshop.verify(projection, &|progress| shown.tell(progress)).await;
            shown.finish();
            let verified = verified?;
            different |= !verified.differences.is_empty();
            if json {
                output::json_line(&verified)?;
                continue;
            }
            let (name, rows) = (verified.name, verified.rows);
            match verified.differences.len() {
                0 => output::line(&format!("{name}: all {rows} rows are as the log says"))?,
                _ => output::line(&format!(
                    "{name}: of {rows} rows, these are not as the log says:"
                ))?,
            }
            for difference in &verified.differences {
                output::line(&format!("  {difference}"))?;
            }
            if verified.left_out > 0 {
                output::line(&format!(
                    "  ({} streams are left out from where they could not be folded)",
                    verified.left_out
                ))?;
            }
        }
        Ok(if different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    })
    .await
}
