//! `erase verify`: proves that an erasure holds.

use std::process::ExitCode;

use clap::Args;
use erasure::{Verdict, named, verify};
use serde_json::json;
use uuid::Uuid;

use crate::cli::{CliError, Common, output, session};

/// The exit code for a difference.
const DIFFERENT: u8 = 3;

/// Which erasure is proved.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  ledgerdesk erase verify 0190f3c2-…\n\nLooks for the keys, tries to open everything that was \
                  sealed with them, looks for rows and sealed files, and whether storage was written anew. Exit code 3 when \
                  something is left."
)]
pub struct EraseVerifyArgs {
    /// The certificate's id, or that of the contact
    id: Uuid,
}

pub async fn run(common: &Common, args: EraseVerifyArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_views(common, |service, ws| async move {
        let missing = || CliError::Missing { what: "erasure", name: args.id.to_string() };
        let erasing = service.erasing();
        session::await_views(&service, ws).await?;
        let id = named(&erasing, ws, args.id).await?.ok_or_else(missing)?;
        let verdict = verify(&erasing, ws, id).await?.ok_or_else(missing)?;
        if json {
            let findings = verdict.findings.iter();
            output::json_line(&json!({
                "certificate": id,
                "keys": verdict.keys,
                "ciphertexts": verdict.ciphertexts,
                "objects": verdict.objects,
                "tables": verdict.tables,
                "findings": findings.map(|f| json!({ "code": f.code, "what": f.what })).collect::<Vec<_>>(),
            }))?;
        } else {
            describe(id.0, &verdict)?;
        }
        let holds = verdict.findings.is_empty();
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
    })
    .await
}

fn describe(id: Uuid, verdict: &Verdict) -> Result<(), CliError> {
    let Verdict { keys, ciphertexts, objects, tables, findings } = verdict;
    output::line(&format!(
        "Certificate {id}: {keys} keys looked for, {ciphertexts} ciphertexts tried, {objects} sealed files looked for, \
         {tables} tables compared"
    ))?;
    if findings.is_empty() {
        return output::line("Nothing is left.");
    }
    output::line("Left:")?;
    findings
        .iter()
        .try_for_each(|finding| output::line(&format!("  {}: {}", finding.code, finding.what)))
}
