//! `export --sealed`: every row of the log exactly as it is stored, read in one snapshot and proven on the way.

use std::process::ExitCode;

use decider::{LogPosition, WorkspaceId};
use event_store::log::copy::{CopyError, CopyRequest, Line, LineWriter, Source, Totals};
use events::audit::ExportFormat;
use serde_json::json;
use sqlx::Connection;

use super::ExportArgs;
use super::outlet::{self, Outlet};
use crate::cli::progress::Progress;
use crate::cli::{CliError, Common, session};
use crate::service::{Service, now};

pub async fn run(common: &Common, args: ExportArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_workspace(common, |service, ws| async move {
        let outlet = Outlet::open(args.out.as_deref())?;
        super::record(&service, ws, (ExportFormat::Sealed, args.filters()), None).await?;
        let rows = write(&service, ws, &args, outlet).await?;
        let told = json!({
            "workspace": ws.0, "commits": rows.commits, "events": rows.events, "commands": rows.commands,
            "claims": rows.claims, "keys": rows.keys,
        });
        let keys = match args.with_keys {
            true => format!("with {} rows of the key ring", rows.keys),
            false => "without keys: what is sealed stays closed where it is taken in".to_owned(),
        };
        let text = format!("{} events in {} commits, {keys}", rows.events, rows.commits);
        outlet::tell(args.out.as_deref(), (json, &told), &text)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

async fn write(
    service: &Service,
    ws: WorkspaceId,
    args: &ExportArgs,
    outlet: Outlet,
) -> Result<Totals, CliError> {
    let asked = CopyRequest {
        ws,
        from: args.from.map(LogPosition),
        to: args.to.map(LogPosition),
        keys: args.with_keys,
        key_mark: service.vault.key_file_mark(ws),
        now: now(),
    };
    let mut connection = service.pools.read.acquire().await?;
    let mut snapshot = connection.begin_with(Source::BEGIN).await?;
    let mut writer = LineWriter::new(outlet);
    let mut source = Source::open(&mut snapshot, &asked).await?;
    let begin = source.begin().clone();
    let until = begin.until.clone();
    let mut progress = Progress::new("events", u64::try_from(until.position).unwrap_or(0));
    writer.line(&Line::Begin(Box::new(begin))).map_err(CliError::Export)?;
    source
        .rows(&mut |line| {
            if let Line::Event(event) = &line {
                progress.reach(u64::try_from(event.pos).unwrap_or(0));
            }
            Ok(writer.line(&line)?)
        })
        .await?;
    progress.finish();
    if args.with_keys {
        let mut tell = |row| -> Result<(), CopyError> { Ok(writer.line(&Line::Vault(row))?) };
        service.vault.copy_keys(&mut snapshot, ws, &mut tell).await?;
    }
    let proof = |digest: &[u8]| service.vault.copy_proof(ws, digest);
    let rows = writer.end(until, proof).map_err(CliError::Export)?;
    snapshot.rollback().await?;
    writer.into_output().finish()?;
    Ok(rows)
}
