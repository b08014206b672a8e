//! `backup`: database, objects and key file of a data folder, copied in an order that fits together, to a folder that is a data
//! folder itself.
//!
//! The database comes first, as it is at one instant, log and keys together. Objects are stored before an event refers to them and
//! never change, so a later copy of them has all that the log of that instant names. Lines of the key file are added before
//! anything is wrapped with them, so it comes last.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Args;
use event_store::log::SignedHead;
use local_postgres::find_binaries;
use serde_json::json;

use super::{CliError, Common, output, session, unfinished};
use crate::service::{Service, now};

/// Where the key file stands in a data folder.
const KEY_FILE: &str = "keys/master.key";
/// The mode of folders that are their owner's alone.
const OWN: u32 = 0o700;
/// The mode of the backup's own folder: once it is restored, the Postgres of root is another user, who has to get through.
const PASSABLE: u32 = 0o711;

/// Where the backup goes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  ledgerdesk backup /mnt/backup/2026-11-27\n  \
    cp -a /mnt/backup/2026-11-27 restored && ledgerdesk --data restored serve\n\n\
    Works beside a running server, and needs pg_basebackup of the Postgres that runs. Whoever has the folder can read \
    everything: keep it like the data folder, or leave the key file out and keep that elsewhere. For a database of your own \
    (DATABASE_URL), and for restoring any instant, see docs/guides/backup.md.")]
pub struct BackupArgs {
    /// A folder that is not there yet
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Leave the key file out: without it the backup is worth nothing, so keep it elsewhere
    #[arg(long)]
    without_key_file: bool,
}

/// Why no backup was made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database is somebody else's.
    #[error(
        "the database is not this program's own (DATABASE_URL): back it up with its own tools, then objects, then the key file, \
         as docs/guides/backup.md says"
    )]
    GivenDatabase,
    /// Some packages of Postgres have the server alone.
    #[error(
        "{folder} has no pg_basebackup: it comes with the package of the Postgres server (Debian: postgresql-{major}); name \
         its folder in LEDGERDESK_PG_BIN. Or stop the server and copy the data folder as it is"
    )]
    NoTool {
        /// Where it was looked for.
        folder: String,
        /// The major version that is needed.
        major: u32,
    },
    /// The database cannot be found.
    #[error("the private Postgres could not be found")]
    Private(#[source] Box<local_postgres::Error>),
    /// A program of Postgres failed.
    #[error("{program} failed: {said}")]
    Tool {
        /// Which.
        program: &'static str,
        /// What it said.
        said: String,
    },
    /// A file cannot be copied.
    #[error("cannot write {path}")]
    Copy {
        /// Which.
        path: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// What a backup holds.
struct Made {
    objects: u64,
    verified: bool,
}

pub async fn run(common: &Common, args: BackupArgs) -> Result<ExitCode, CliError> {
    let json = common.json;
    session::with_service(common, |service| async move {
        if service.config.database.url.is_some() {
            return Err(BackupError::GivenDatabase.into());
        }
        let unfinished = unfinished::beside(&args.folder);
        for path in [&args.folder, &unfinished] {
            if path.exists() {
                return Err(CliError::Exists { path: path.display().to_string() });
            }
        }
        let heads = heads(&service).await?;
        let plan = Plan::of(&service, unfinished.clone(), (heads, !args.without_key_file));
        let made = tokio::task::spawn_blocking(move || plan.carry_out()).await;
        let made = made.map_err(|_| CliError::Interrupted)?;
        let name = || unfinished::name(&args.folder).map_err(|source| failed(&args.folder, source));
        let made = made.and_then(|made| name().map(|()| made));
        let made = made.inspect_err(|_| drop(fs::remove_dir_all(&unfinished)))?;
        tell(json, &args, &made)?;
        Ok(ExitCode::SUCCESS)
    })
    .await
}

/// The heads of all logs before anything is copied: they must lie in what is restored.
async fn heads(service: &Service) -> Result<String, CliError> {
    let mut lines = String::new();
    for ws in &service.workspaces {
        let head = service.reader.head(*ws).await?;
        let signed = SignedHead::sign(*ws, &head, &service.vault.signer(*ws), now());
        lines.push_str(&signed.to_line()?);
        lines.push('\n');
    }
    Ok(lines)
}

/// What is copied, and from where.
struct Plan {
    data: PathBuf,
    objects: PathBuf,
    key_file: Option<PathBuf>,
    heads: String,
    target: PathBuf,
}

impl Plan {
    fn of(service: &Service, target: PathBuf, (heads, with_keys): (String, bool)) -> Self {
        let config = &service.config;
        Self {
            data: config.data.clone(),
            objects: config.objects.clone(),
            key_file: with_keys.then(|| config.key_file.clone()),
            heads,
            target,
        }
    }

    /// Blocks. The order matters: see above.
    fn carry_out(&self) -> Result<Made, BackupError> {
        make_folder(&self.target, PASSABLE)?;
        let verified = self.copy_database()?;
        let mut objects = 0;
        copy_folder(&self.objects, &self.target.join("objects"), &mut objects)?;
        write_file(&self.target.join("heads"), self.heads.as_bytes())?;
        if let Some(key_file) = &self.key_file {
            let copy = self.target.join(KEY_FILE);
            copy.parent().map_or(Ok(()), |folder| make_folder(folder, OWN))?;
            copy_file(key_file, &copy)?;
        }
        sync(&self.target)?;
        Ok(Made { objects, verified })
    }

    /// Copies the cluster with Postgres's own tool, and has it verified where the tool for that is there.
    fn copy_database(&self) -> Result<bool, BackupError> {
        let missing = |error| BackupError::Private(Box::new(error));
        let postgres = local_postgres::attach(&self.data).map_err(missing)?;
        let binaries = find_binaries(Some(&postgres.cluster())).map_err(missing)?;
        let tool = binaries.program("pg_basebackup");
        if !tool.is_file() {
            let folder = binaries.folder.display().to_string();
            return Err(BackupError::NoTool { folder, major: binaries.major });
        }
        let copy = self.target.join("postgres");
        let mut command = Command::new(tool);
        command.arg("--pgdata").arg(&copy).arg("--host").arg(postgres.socket_dir());
        command.args(["--port", &postgres.port().to_string(), "--username", "postgres"]);
        command.args(["--no-password", "--wal-method=stream", "--checkpoint=fast"]);
        run_tool("pg_basebackup", command)?;
        let verify = binaries.program("pg_verifybackup");
        if !verify.is_file() {
            return Ok(false);
        }
        let mut command = Command::new(verify);
        command.arg("--quiet").arg(&copy);
        run_tool("pg_verifybackup", command).map(|()| true)
    }
}

fn run_tool(program: &'static str, mut command: Command) -> Result<(), BackupError> {
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"PG"))
    {
        command.env_remove(name);
    }
    let failed = |said: String| BackupError::Tool { program, said };
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}

/// Copies a folder with everything in it. What is removed meanwhile was not needed; what is just being written, not yet.
fn copy_folder(from: &Path, to: &Path, files: &mut u64) -> Result<(), BackupError> {
    make_folder(to, OWN)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|source| failed(from, source))?,
    };
    for entry in entries {
        let entry = entry.map_err(|source| failed(from, source))?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(|source| failed(&from, source))?.is_dir() {
            copy_folder(&from, &to, files)?;
        } else if !entry.file_name().as_encoded_bytes().contains(&b'#') {
            match copy_file(&from, &to) {
                Err(BackupError::Copy { source, .. })
                    if source.kind() == io::ErrorKind::NotFound => {}
                copied => {
                    copied?;
                    *files += 1;
                }
            }
        }
    }
    sync(to)
}

/// Copies a file with its mode, to the disk.
fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::copy(from, to).map_err(|source| failed(to, source))?;
    sync(to)
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let written = File::create(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|source| failed(path, source))
}

fn make_folder(path: &Path, mode: u32) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| failed(path, source))
}

fn sync(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: io::Error) -> BackupError {
    BackupError::Copy { path: path.display().to_string(), source }
}

fn tell(as_json: bool, args: &BackupArgs, made: &Made) -> Result<(), CliError> {
    let folder = args.folder.display();
    if as_json {
        return output::json_line(&json!({
            "folder": folder.to_string(), "objects": made.objects, "verified": made.verified,
            "key_file": !args.without_key_file,
        }));
    }
    let verified = if made.verified { ", verified by pg_verifybackup" } else { "" };
    output::line(&format!(
        "{folder}: the database{verified}; {} objects; signed heads",
        made.objects
    ))?;
    output::line(match args.without_key_file {
        true => {
            "The key file is not in it. Without it nothing of this can be used: keep it elsewhere."
        }
        false => "The key file is in it: whoever has this folder can read everything.",
    })
}
