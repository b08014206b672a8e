//! `projection rebuild`: a view folded anew from the log beside the one that is read, and compared with it.

use std::process::ExitCode;

use clap::Args;
use event_store::projection::ProjectionType;
use event_store::projection::rebuild::{Force, Rebuilt, Workshop};

use super::views::{DIFFERENT, Shown, views};
use super::{CliError, Common, output, session};
use crate::running::workshop;

/// Which views are rebuilt.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk projection rebuild inbox && ledgerdesk projection switch inbox\n\n\
                  The view that is read stays as it is until the switch. What was cut off goes on with the same command. Exit code 3 \
                  when the rebuilt rows are not those that are read."
)]
pub struct ProjectionRebuildArgs {
    /// The views
    #[arg(value_name = "VIEW")]
    names: Vec<String>,
    /// All views, one after the other
    #[arg(long)]
    all: bool,
    /// Lead readers to it when it is complete and no row differs
    #[arg(long)]
    switch: bool,
}

pub async fn run(common: &Common, args: ProjectionRebuildArgs) -> Result<ExitCode, CliError> {
    let wanted = views(&args.names, args.all)?;
    let json = common.json;
    session::with_service(common, |service| async move {
        let workshop = workshop(&service);
        let mut different = false;
        for projection in wanted {
            let rebuilt = rebuild(&workshop, projection).await?;
            different |= !rebuilt.differences.is_empty();
            let switched = args.switch && rebuilt.differences.is_empty();
            if switched {
                workshop.switch(projection, Force::No).await?;
            }
            tell(&rebuilt, switched, json)?;
        }
        Ok(if different { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    })
    .await
}

/// Rebuilds a view and shows how far it is.
pub async fn rebuild(workshop: &Workshop, projection: ProjectionType) -> Result<Rebuilt, CliError> {
    let shown = Shown::new();
    let rebuilt = workshop.rebuild(projection, &|progress| shown.tell(progress)).await;
    shown.finish();
    Ok(rebuilt?)
}

fn tell(rebuilt: &Rebuilt, switched: bool, json: bool) -> Result<(), CliError> {
    let Rebuilt { name, version, build, rows_compared, differences } = rebuilt;
    if json {
        return output::json_line(&serde_json::json!({
            "view": name, "version": version, "build": build, "rows_compared": rows_compared,
            "differences": differences, "state": if switched { "active" } else { "ready" },
        }));
    }
    match rows_compared {
        Some(rows) if differences.is_empty() => output::line(&format!(
            "{name}: build {build} is ready; its {rows} rows are the same as those that are read"
        ))?,
        Some(rows) => output::line(&format!(
            "{name}: build {build} is ready; of {rows} rows that are read, these are not as the log says:"
        ))?,
        None => output::line(&format!(
            "{name}: build {build} is ready; there was nothing of the same code to compare it with"
        ))?,
    }
    for difference in differences {
        output::line(&format!("  {difference}"))?;
    }
    match (switched, differences.is_empty()) {
        (true, _) => output::line("Readers are led to it within a second."),
        (false, true) => output::line(&format!("Next: ledgerdesk projection switch {name}")),
        (false, false) => output::line(&format!(
            "Next: ledgerdesk projection switch {name} --force, or ledgerdesk projection abort {name}"
        )),
    }
}
