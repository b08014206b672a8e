//! The private Postgres of a data folder, and who may start it: one server, or a command while there is none.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use local_postgres::{LocalPostgres, Settings};

use super::watch::Watched;
use super::{DatabaseError, Starter};

/// The database's name on the private Postgres.
const NAME: &str = "ledgerdesk";
/// How long a server waits for a command that started the private Postgres before it.
const COMMAND_PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(100);

/// A private Postgres in use.
pub struct Private {
    url: String,
    kind: Kind,
}

enum Kind {
    /// A server keeps it running, and holds the mark that the data folder is taken.
    Kept(Watched, File),
    /// A command uses it as long as it lasts.
    Used(Box<LocalPostgres>),
}

/// Starts or joins the private Postgres. Blocks.
pub fn open(data: &Path, starter: Starter) -> Result<Private, DatabaseError> {
    match starter {
        Starter::Server | Starter::Taker => open_as_server(data),
        Starter::Command => {
            let postgres = local_postgres::open(&Settings::new(data)).map_err(private)?;
            let url = postgres.url(NAME);
            Ok(Private { url, kind: Kind::Used(Box::new(postgres)) })
        }
    }
}

impl Private {
    /// The URL of the database, for its owner.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Stops it if this process started it, then lets the next server in. Blocks.
    pub fn stop(self) -> Result<(), local_postgres::Error> {
        match self.kind {
            Kind::Kept(watched, lock) => {
                let stopped = watched.stop();
                drop(lock);
                stopped
            }
            Kind::Used(postgres) => postgres.stop(),
        }
    }
}

fn open_as_server(data: &Path) -> Result<Private, DatabaseError> {
    let lock = take(data)?;
    let deadline = Instant::now() + COMMAND_PATIENCE;
    let mut told = false;
    loop {
        let postgres = local_postgres::open(&Settings::new(data)).map_err(private)?;
        if postgres.owned() {
            let url = postgres.url(NAME);
            let watched = Watched::over(postgres).map_err(|source| DatabaseError::Folder {
                data: data.display().to_string(),
                source,
            })?;
            return Ok(Private { url, kind: Kind::Kept(watched, lock) });
        }
        drop(postgres);
        if Instant::now() > deadline {
            let seconds = COMMAND_PATIENCE.as_secs();
            return Err(DatabaseError::CommandRuns { data: data.display().to_string(), seconds });
        }
        if !told {
            tracing::info!("waiting for another ledgerdesk command on this data folder to end");
            told = true;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Marks the data folder as taken by a server, for the life of the file.
fn take(data: &Path) -> Result<File, DatabaseError> {
    let shown = || data.display().to_string();
    let broken = |source| DatabaseError::Folder { data: shown(), source };
    std::fs::create_dir_all(data).map_err(broken)?;
    let path: PathBuf = data.join("serve.lock");
    let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path);
    let file = file.map_err(broken)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DatabaseError::FolderTaken { data: shown() }),
        Err(TryLockError::Error(source)) => Err(broken(source)),
    }
}

fn private(error: local_postgres::Error) -> DatabaseError {
    DatabaseError::Private(Box::new(error))
}
