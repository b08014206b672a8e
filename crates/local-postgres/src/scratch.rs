//! One throw-away cluster for all test processes of a target folder.
//!
//! Each test process would take the server with it when it ends, so a small process of its own keeps it: the program
//! `ledgerdesk-test-postgres`. Every user holds a shared lock on `users.lock` for its life; the keeper leaves when it
//! has been alone for a while.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use crate::error::{Attempt, Error};
use crate::place::{Place, remove_folder};
use crate::{Durability, LocalPostgres, Settings, child, server};

/// The program that keeps the cluster.
const KEEPER: &str = "ledgerdesk-test-postgres";
/// How long to wait for a keeper that was started.
const KEEPER_TIMEOUT: Duration = Duration::from_secs(120);
/// More databases than this mean that test runs were killed: begin anew.
const DATABASES_MAX: usize = 200;
/// Written after a clean stop. Without it the files cannot be trusted: nothing was synced.
const CLEAN: &str = "stopped-cleanly";

/// When a keeper leaves.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// After nobody has used it for so long.
    pub idle: Duration,
    /// In any case after this, counted from when it is ready.
    pub lifetime: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Duration::from_secs(60), lifetime: Duration::from_secs(2 * 60 * 60) }
    }
}

/// A use of a kept cluster: while this lives, the keeper stays.
#[derive(Debug)]
pub struct Shared {
    postgres: LocalPostgres,
    _user: Option<File>,
}

impl Shared {
    /// The cluster.
    pub fn postgres(&self) -> &LocalPostgres {
        &self.postgres
    }
}

/// The throw-away cluster all test processes of this target folder share; started on first use, by whoever comes first.
pub fn shared_for_tests() -> Result<&'static LocalPostgres, Error> {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(shared) = SHARED.get() {
        return Ok(&shared.postgres);
    }
    let target = target_folder();
    let shared = match keeper_program() {
        Some(keeper) => join(&target.join("test-postgres"), &keeper, Limits::default())?,
        None => own_one(&target)?,
    };
    Ok(&SHARED.get_or_init(|| shared).postgres)
}

/// Joins the cluster kept in a folder, starting a keeper when there is none.
pub fn join(folder: &Path, keeper: &Path, limits: Limits) -> Result<Shared, Error> {
    fs::create_dir_all(folder).attempt("create", folder)?;
    let folder = &fs::canonicalize(folder).attempt("find", folder)?;
    let user = lock_file(&folder.join("users.lock"))?;
    // First the lock, then the look: a keeper that is leaving holds it exclusively until it has left.
    user.lock_shared().attempt("lock", folder)?;
    let _ = user.set_modified(SystemTime::now());
    let deadline = Instant::now() + KEEPER_TIMEOUT;
    let starting = lock_file(&folder.join("starting.lock"))?;
    loop {
        match server::attach(folder) {
            Ok(postgres) => return Ok(Shared { postgres, _user: Some(user) }),
            Err(Error::NotRunning { .. }) => {}
            Err(error) => return Err(error),
        }
        // One starts a keeper and waits for it; the others look again until it is there.
        if starting.try_lock().is_ok() {
            let mut started = start_keeper(folder, keeper, limits)?;
            while matches!(server::attach(folder), Err(Error::NotRunning { .. }))
                && Instant::now() < deadline
            {
                if let Some(status) = started
                    .try_wait()
                    .attempt("wait for", keeper)?
                    .filter(|status| !status.success())
                {
                    let path = folder.join("keeper.log");
                    let log = fs::read_to_string(&path).unwrap_or_default();
                    return Err(Error::Ended { status: status.to_string(), path, log });
                }
                sleep(Duration::from_millis(20));
            }
            let _ = starting.unlock();
        }
        if Instant::now() > deadline {
            let seconds = KEEPER_TIMEOUT.as_secs();
            return Err(Error::OwnerNotReady {
                data: folder.to_owned(),
                log: folder.join("keeper.log"),
                seconds,
            });
        }
        sleep(Duration::from_millis(20));
    }
}

/// Keeps the cluster of a folder until nobody uses it any more. This is what the keeper program does.
pub fn keep(folder: &Path, limits: Limits) -> Result<(), Error> {
    let settings = throwaway(folder);
    let postgres = server::open(&settings, |place| distrust(place, folder))?;
    if !postgres.owned() {
        return Ok(()); // another keeper was first
    }
    // Its life begins when others can use it: a slow start must not use it up.
    let started = Instant::now();
    let users = lock_file(&folder.join("users.lock"))?;
    let pause = (limits.idle / 12).min(Duration::from_secs(5));
    let (mut alone_since, mut last_seen) = (Instant::now(), newcomers(&users));
    while started.elapsed() < limits.lifetime {
        sleep(pause);
        let seen = newcomers(&users);
        match users.try_lock() {
            Ok(()) if seen == last_seen && alone_since.elapsed() >= limits.idle => break, // with the lock: nobody joins now
            Ok(()) => drop(users.unlock()),
            Err(TryLockError::WouldBlock) => alone_since = Instant::now(),
            Err(TryLockError::Error(error)) => return Err(error).attempt("lock", folder),
        }
        if seen != last_seen {
            (alone_since, last_seen) = (Instant::now(), seen);
        }
    }
    // At the end of its life the users are still there; they lose their server, and the next one starts another.
    let clean = folder.join(CLEAN);
    postgres.stop_and(|| fs::write(&clean, "").attempt("write", &clean))
}

/// When a user last came.
fn newcomers(users: &File) -> Option<SystemTime> {
    users.metadata().and_then(|meta| meta.modified()).ok()
}

/// Deletes a cluster whose files cannot be trusted, or that has collected too many databases.
fn distrust(place: &Place, folder: &Path) -> Result<(), Error> {
    let clean = fs::remove_file(folder.join(CLEAN)).is_ok();
    let databases = fs::read_dir(place.cluster().join("base")).map_or(0, Iterator::count);
    if clean && databases <= DATABASES_MAX { Ok(()) } else { remove_folder(&place.cluster()) }
}

fn throwaway(folder: &Path) -> Settings {
    let extra = vec![("max_connections".to_owned(), "400".to_owned())];
    Settings { data: folder.to_owned(), durability: Durability::Throwaway, extra }
}

fn start_keeper(
    folder: &Path,
    keeper: &Path,
    limits: Limits,
) -> Result<std::process::Child, Error> {
    let log = folder.join("keeper.log");
    let output = File::create(&log).attempt("create", &log)?;
    let errors = output.try_clone().attempt("open", &log)?;
    let mut command = Command::new(keeper);
    command
        .arg(folder)
        .arg(limits.idle.as_secs().to_string())
        .arg(limits.lifetime.as_secs().to_string());
    command.current_dir("/").stdin(Stdio::null()).stdout(output).stderr(errors);
    child::detach(&mut command);
    command.spawn().attempt("run", keeper)
}

/// Without a keeper this process owns a cluster of its own: one it shared would end under the others.
fn own_one(target: &Path) -> Result<Shared, Error> {
    tracing::warn!(
        "{KEEPER} is not built, so every test process makes its own Postgres: cargo build -p local-postgres"
    );
    let parent = target.join("test-postgres-own");
    fs::create_dir_all(&parent).attempt("create", &parent)?;
    for left in fs::read_dir(&parent).attempt("list", &parent)?.flatten() {
        sweep(&left.path());
    }
    let folder = parent.join(std::process::id().to_string());
    let postgres = server::open(&throwaway(&folder), |_| Ok(()))?;
    Ok(Shared { postgres, _user: None })
}

/// Removes a folder whose process has ended.
fn sweep(folder: &Path) {
    let number = folder.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    if number.is_none_or(child::exists) {
        return;
    }
    if server::remove(folder).is_ok() {
        let _ = fs::remove_dir_all(folder);
    }
}

fn lock_file(path: &Path) -> Result<File, Error> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .attempt("open", path)
}

/// The folder cargo builds into: named, or the one above this program that carries cargo's mark.
fn target_folder() -> PathBuf {
    if let Some(named) =
        std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from).filter(|path| path.is_absolute())
    {
        return named;
    }
    let program = std::env::current_exe().unwrap_or_default();
    let marked = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    marked.map_or_else(std::env::temp_dir, Path::to_owned)
}

/// The keeper beside this program (`target/debug`), or one above it (`target/debug/deps`).
fn keeper_program() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(KEEPER))
        .find(|path| path.is_file())
}
