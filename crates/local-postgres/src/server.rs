//! The life of a private Postgres: own or attach, start, wait until ready, stop, kill, start again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::child::{self, ParentThread, Signal};
use crate::error::{Attempt, Error};
use crate::handshake::{self, Answer};
use crate::log_file::LogFile;
use crate::place::{Ownership, Place, Record};
use crate::{Settings, cluster, processes, socket_dir};

/// How long a server may take until it takes clients.
const READY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may take when it says itself that it is at work: after a crash it reads its log first. Cut off, it would
/// begin anew each time and never be ready.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(30 * 60);
/// How long others wait for an owner, who may have to wait for an earlier server and create the cluster first.
const ATTACH_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a fast shutdown may take, with its checkpoint; then an immediate one.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
const QUIT_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A private Postgres that this process owns, or has attached to. Dropping an owned one shuts it down.
#[derive(Debug)]
pub struct LocalPostgres {
    place: Place,
    socket_dir: PathBuf,
    port: u16,
    owner: Option<Owner>,
}

/// What only the owner has. The lock goes last, after the server has ended.
#[derive(Debug)]
struct Owner {
    running: Option<Running>,
    settings: Settings,
    binaries: Binaries,
    account: Option<Account>,
    log: LogFile,
    _lock: File,
}

/// A postmaster and the thread it is bound to.
#[derive(Debug)]
struct Running {
    child: Child,
    _parent: ParentThread,
}

/// Owns or attaches. `prepare` runs once this process owns the cluster and nothing uses it.
pub(crate) fn open(
    settings: &Settings,
    prepare: impl Fn(&Place) -> Result<(), Error>,
) -> Result<LocalPostgres, Error> {
    let place = Place::make(&settings.data)?;
    let deadline = Instant::now() + ATTACH_TIMEOUT;
    loop {
        if let Ownership::Mine(lock) = place.own()? {
            return own(place, lock, settings, prepare);
        }
        if let Some(attached) = attach_now(&place) {
            return Ok(attached);
        }
        if Instant::now() > deadline {
            return Err(owner_not_ready(&place));
        }
        sleep(PAUSE);
    }
}

/// Attaches, waiting for an owner that is still starting.
pub(crate) fn attach(data: &Path) -> Result<LocalPostgres, Error> {
    let not_running = || Error::NotRunning { data: data.to_owned() };
    let place = Place::find(data)?.ok_or_else(not_running)?;
    let deadline = Instant::now() + ATTACH_TIMEOUT;
    loop {
        if !place.is_owned()? {
            return Err(not_running());
        }
        if let Some(attached) = attach_now(&place) {
            return Ok(attached);
        }
        if Instant::now() > deadline {
            return Err(owner_not_ready(&place));
        }
        sleep(PAUSE);
    }
}

/// Deletes a cluster that does not run.
pub(crate) fn remove(data: &Path) -> Result<(), Error> {
    let Some(place) = Place::find(data)? else { return Ok(()) };
    let _lock = place.own_idle()?;
    processes::wait_until_unused(&place.cluster())?;
    if let Some(record) = place.read_record() {
        socket_dir::remove(&record.socket_dir);
    }
    place.delete()
}

fn owner_not_ready(place: &Place) -> Error {
    Error::OwnerNotReady {
        data: place.data.clone(),
        log: place.log(),
        seconds: ATTACH_TIMEOUT.as_secs(),
    }
}

/// Attaches if the owner has said that its server is ready, and it is.
fn attach_now(place: &Place) -> Option<LocalPostgres> {
    let record = place.read_record()?;
    let answer = handshake::ask(&socket_dir::socket_in(&record.socket_dir));
    // The record is read again: a new owner clears it before it ends what an earlier one left.
    (answer == Answer::Ready && place.read_record().as_ref() == Some(&record)).then(|| {
        LocalPostgres {
            place: place.clone(),
            socket_dir: record.socket_dir,
            port: record.port,
            owner: None,
        }
    })
}

fn own(
    place: Place,
    lock: File,
    settings: &Settings,
    prepare: impl Fn(&Place) -> Result<(), Error>,
) -> Result<LocalPostgres, Error> {
    place.clear_record();
    processes::wait_until_unused(&place.unfinished())?;
    processes::wait_until_unused(&place.cluster())?;
    cluster::sweep(&place)?;
    prepare(&place)?;
    let path = place.cluster();
    let account = Account::for_cluster(&path)?;
    let binaries = binaries::find(Some(&path), Some(&place.data), account)?;
    let mut log = LogFile::at(place.log());
    cluster::ensure(&place, settings, &binaries, account, &mut log)?;
    let socket_dir = socket_dir::make(&place.base, account)?;
    let owner =
        Owner { running: None, settings: settings.clone(), binaries, account, log, _lock: lock };
    let mut postgres =
        LocalPostgres { place, socket_dir, port: socket_dir::PORT, owner: Some(owner) };
    postgres.start_again()?;
    Ok(postgres)
}

impl LocalPostgres {
    /// The folder of the server's socket; only the server's user and root can enter it.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The number in the name of the socket file. No port is opened.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of one of its databases, for the superuser `postgres`, in the words of sqlx and libpq.
    pub fn url(&self, database: &str) -> String {
        let (database, folder) =
            (percent_encoded(database), percent_encoded(&self.socket_dir.to_string_lossy()));
        format!(
            "postgres://postgres@localhost/{database}?host={folder}&port={}&sslmode=disable",
            self.port
        )
    }

    /// Whether this process started it, and so ends it.
    pub fn owned(&self) -> bool {
        self.owner.is_some()
    }

    /// The folder of the cluster.
    pub fn cluster(&self) -> PathBuf {
        self.place.cluster()
    }

    /// The server's own log.
    pub fn log(&self) -> PathBuf {
        self.place.log()
    }

    /// The server's first process; `None` when it does not run.
    pub fn postmaster_pid(&self) -> Option<u32> {
        match &self.owner {
            Some(owner) => owner.running.as_ref().map(|running| running.child.id()),
            None => self.place.read_record().map(|record| record.postmaster),
        }
    }

    /// Whether it takes clients at this moment.
    pub fn is_ready(&self) -> bool {
        handshake::ask(&socket_dir::socket_in(&self.socket_dir)) == Answer::Ready
    }

    /// Whether an owned server has ended by itself, or could not be started again. [`Self::start_again`] brings it back.
    pub fn has_ended(&mut self) -> bool {
        let Some(owner) = &mut self.owner else { return false };
        !owner.running.as_mut().is_some_and(Running::is_alive)
    }

    /// Shuts an owned server down, cutting its clients off; leaves one that was attached to alone.
    pub fn stop(mut self) -> Result<(), Error> {
        self.shut_down(|| Ok(()))
    }

    /// Shuts down, and does something more before the next owner may come.
    pub(crate) fn stop_and(
        mut self,
        after: impl FnOnce() -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.shut_down(after)
    }

    /// Ends an owned server the hard way, for tests of what happens then. [`Self::start_again`] brings it back.
    pub fn kill(&mut self) -> Result<(), Error> {
        let owner = self.owner.as_mut().ok_or(Error::NotOwner { action: "kill" })?;
        match owner.running.take() {
            Some(mut running) => {
                running.end_at_once().attempt("kill", &owner.binaries.program("postgres"))
            }
            None => Ok(()),
        }
    }

    /// Starts an owned server that has ended, on the same socket; does nothing when it runs.
    pub fn start_again(&mut self) -> Result<(), Error> {
        let owner = self.owner.as_mut().ok_or(Error::NotOwner { action: "start" })?;
        if owner.running.as_mut().is_some_and(Running::is_alive) {
            return Ok(());
        }
        owner.running = None;
        let cluster = self.place.cluster();
        processes::wait_until_unused(&cluster)?;
        processes::forget_reused_pid(&cluster)?;
        socket_dir::sweep(&self.socket_dir);
        let Owner { settings, binaries, account, .. } = &*owner;
        let mut command =
            cluster::server_command(&self.place, settings, binaries, *account, &self.socket_dir);
        cluster::surround(&mut command, owner.log.begin()?, owner.account)?;
        let program = owner.binaries.program("postgres");
        let (child, parent) = child::spawn_with_parent_thread(command).attempt("run", &program)?;
        let mut running = Running { child, _parent: parent };
        running.wait_until_ready(&self.socket_dir, &owner.log)?;
        let postmaster = running.child.id();
        owner.running = Some(running);
        self.place.write_record(&Record {
            socket_dir: self.socket_dir.clone(),
            port: self.port,
            postmaster,
        })?;
        tracing::info!(
            postmaster,
            version = owner.binaries.version,
            "the private Postgres is ready"
        );
        Ok(())
    }

    fn shut_down(&mut self, after: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
        let Some(mut owner) = self.owner.take() else { return Ok(()) };
        self.place.clear_record();
        let ended = owner.running.take().map_or(Ok(()), |mut running| running.end());
        socket_dir::remove(&self.socket_dir);
        ended.and_then(|()| after())
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down(|| Ok(())) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the private Postgres did not shut down cleanly"
            );
        }
    }
}

impl Running {
    fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn wait_until_ready(&mut self, socket_dir: &Path, log: &LogFile) -> Result<(), Error> {
        let socket = socket_dir::socket_in(socket_dir);
        let started = Instant::now();
        loop {
            let (last, patience) = match handshake::ask(&socket) {
                Answer::Ready => return Ok(()),
                Answer::AtWork(reason) => (reason, RECOVERY_TIMEOUT),
                Answer::NotYet(reason) | Answer::Refused(reason) => (reason, READY_TIMEOUT),
            };
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(Error::Ended {
                    status: status.to_string(),
                    path: log.path.clone(),
                    log: log.tail(),
                });
            }
            if started.elapsed() > patience {
                let seconds = patience.as_secs();
                return Err(Error::NotReady {
                    seconds,
                    last,
                    path: log.path.clone(),
                    log: log.tail(),
                });
            }
            sleep(PAUSE);
        }
    }

    /// A fast shutdown; when that takes too long an immediate one, then by force.
    fn end(&mut self) -> Result<(), Error> {
        for (signal, patience) in [(Signal::Interrupt, STOP_TIMEOUT), (Signal::Quit, QUIT_TIMEOUT)]
        {
            if self.is_alive() {
                let _ = child::signal(self.child.id(), signal);
            }
            if self.wait(patience).is_some() {
                return match signal {
                    Signal::Interrupt => Ok(()),
                    _ => Err(Error::StopTimeout { seconds: STOP_TIMEOUT.as_secs() }),
                };
            }
        }
        let _ = self.end_at_once();
        Err(Error::StopTimeout { seconds: STOP_TIMEOUT.as_secs() })
    }

    fn end_at_once(&mut self) -> std::io::Result<()> {
        if self.is_alive() {
            child::signal(self.child.id(), Signal::Kill)?;
        }
        self.child.wait().map(drop)
    }

    fn wait(&mut self, patience: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < deadline => sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.is_alive() {
            let _ = self.end();
        }
    }
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_survives_any_folder_and_database_name() {
        assert_eq!(percent_encoded("/tmp/a b?&%\u{e9}"), "%2Ftmp%2Fa%20b%3F%26%25%C3%A9");
        assert_eq!(percent_encoded("test_1-x.y~"), "test_1-x.y~");
    }
}
