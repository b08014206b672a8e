//! `import ndjson`: takes in what `export --sealed` wrote, into a data folder without workspaces or behind the part that is there.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use decider::WorkspaceId;
use event_store::log::copy::{Begin, LineReader, Taken, Target, take};
use serde_json::json;
use sqlx::ConnectOptions;

use super::progress::Progress;
use super::{CliError, Common, output};
use crate::config::Config;
use crate::database::{PoolSizes, Starter};
use crate::service::Service;

/// Bytes that are read at once.
const BUFFER_BYTES: usize = 256 * 1024;

/// What is taken in.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  mkdir -m 700 replica replica/keys && cp -p data/keys/master.key replica/keys/\n  \
    ledgerdesk --data replica import ndjson replica.ndjson && ledgerdesk --data replica log verify\n\n\
    Every line is proven before it counts. Interrupted, cut or altered: what was proven is kept, and the same command with a \
    whole copy goes on behind it. What is there already is compared and not written again; other history is refused. No \
    server may run on the workspace meanwhile."
)]
pub struct ImportNdjsonArgs {
    /// The file; - for stdin
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub async fn run(common: &Common, args: ImportNdjsonArgs) -> Result<ExitCode, CliError> {
    let config = common.quiet_configuration()?;
    let mut input = LineReader::new(open(&args.file)?);
    let begin = input.begin().map_err(|fault| CliError::NoCopy {
        path: args.file.display().to_string(),
        line: input.number(),
        fault,
    })?;
    let ws = WorkspaceId(begin.workspace);
    if let Some(asked) = config.workspace.filter(|asked| *asked != ws.0) {
        let name = format!("{asked} in this copy: it is of {}", ws.0);
        return Err(CliError::Missing { what: "workspace", name });
    }
    has_key_file(&config, &begin)?;
    let keys = begin.keys;
    let service = Service::open(config, Starter::Taker, PoolSizes::COMMAND).await?;
    let taken = take_in(&service, &mut input, begin).await;
    let objects = service.config.objects.join(ws.0.to_string());
    service.stop().await;
    let told = Told { ws, taken: taken?, keys, objects: &objects };
    told.print(common.json)?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<Box<dyn BufRead + Send>, CliError> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, io::stdin())));
    }
    let file = File::open(path)
        .map_err(|source| CliError::File { path: path.display().to_string(), source })?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

/// The key file of the installation must be there before a database is bound to another one.
fn has_key_file(config: &Config, begin: &Begin) -> Result<(), CliError> {
    let path = || config.key_file.display().to_string();
    match vault::key_file_mark(&config.key_file, WorkspaceId(begin.workspace)) {
        Ok(mark) if mark[..] == begin.key_mark.0 => Ok(()),
        Ok(_) => Err(CliError::NoKeyFile { path: path(), source: None }),
        Err(error) => Err(CliError::NoKeyFile { path: path(), source: Some(error) }),
    }
}

async fn take_in(
    service: &Service,
    input: &mut LineReader<Box<dyn BufRead + Send>>,
    begin: Begin,
) -> Result<Taken, CliError> {
    let ws = WorkspaceId(begin.workspace);
    // With the private Postgres the data folder is taken already.
    if service.config.database.url.is_some() && service.ops.erasures.any_server(ws).await? {
        return Err(CliError::ServerRuns);
    }
    let owner = service.database().owner().connect().await?;
    let mut progress = Progress::new("positions", u64::try_from(begin.until.position).unwrap_or(0));
    let target = Target { owner, vault: &service.vault };
    let taken = take(input, begin, target, &mut |position| progress.reach(position.0)).await;
    progress.finish();
    let taken = taken?;
    if taken.keys.is_some_and(|keys| keys.destroyed > 0) {
        service.vault.rewrite_keys().await?;
    }
    Ok(taken)
}

/// What is told of a copy that was taken in.
struct Told<'a> {
    ws: WorkspaceId,
    taken: Taken,
    /// Whether keys are in the copy.
    keys: bool,
    objects: &'a Path,
}

impl Told<'_> {
    fn print(&self, as_json: bool) -> Result<(), CliError> {
        let Taken { commits_there, commits, events, position, keys } = self.taken;
        if as_json {
            return output::json_line(&json!({
                "workspace": self.ws.0, "commits_there": commits_there, "commits": commits,
                "events": events, "position": position, "keys": keys,
            }));
        }
        output::line(&format!(
            "Workspace {}: {events} events in {commits} commits taken in, {commits_there} commits were there. The log ends at \
             position {position}.",
            self.ws.0
        ))?;
        match keys {
            Some(keys) => output::line(&format!(
                "{} keys taken in, {} destroyed that an erasure has destroyed.",
                keys.keys, keys.destroyed
            )),
            None if self.keys => output::line(
                "The keys of the copy were left out: the log here goes on behind it, and they could bring back what was erased \
                 since.",
            ),
            None => output::line(
                "No keys are in the copy: everything sealed reads as erased here until a copy made with \
                 `export --sealed --with-keys` is taken in. Do not serve it before.",
            ),
        }?;
        output::line(&format!(
            "Attachments and original messages are files: copy them to {}.",
            self.objects.display()
        ))
    }
}
