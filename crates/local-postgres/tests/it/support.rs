//! What the tests share: a data folder that cleans up, an owner in a process of its own, a client of few words.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use local_postgres::{Durability, LocalPostgres, Settings};

/// A data folder that the server's user can reach, and that is gone afterwards with its cluster.
pub struct DataFolder(tempfile::TempDir);

impl DataFolder {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("local-postgres-").tempdir_in("/tmp").unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn cluster(&self) -> PathBuf {
        self.path().join("postgres")
    }

    pub fn settings(&self) -> Settings {
        throwaway(self.path())
    }

    pub fn open(&self) -> LocalPostgres {
        local_postgres::open(&self.settings()).unwrap()
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30); // an owner in another process may still be leaving
        while let Err(error) = local_postgres::remove(self.path()) {
            if Instant::now() > deadline {
                assert!(std::thread::panicking(), "{error}");
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

pub fn throwaway(data: &Path) -> Settings {
    Settings { durability: Durability::Throwaway, ..Settings::new(data) }
}

/// A process that owns the cluster of a folder; killed when dropped.
pub struct OwnerProcess(pub Child);

impl OwnerProcess {
    pub fn of(data: &Path) -> Self {
        Self(Self::command(data).spawn().unwrap())
    }

    /// The keeper with patience for a test.
    pub fn command(data: &Path) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerdesk-test-postgres"));
        command.arg(data).args(["120", "120"]).stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for OwnerProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn am_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

pub fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "still not so: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn wait_until_ready(data: &Path) -> LocalPostgres {
    eventually("an owner runs", || local_postgres::attach(data).ok())
}

/// Whether a process runs (one that has ended and was not waited for does not).
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

pub fn user_of(pid: u32) -> u32 {
    fs::metadata(format!("/proc/{pid}")).unwrap().uid()
}

/// The first value a statement yields; the error text when it fails.
pub fn query(postgres: &LocalPostgres, sql: &str) -> Result<String, String> {
    converse(postgres, sql).map_err(|error| error.to_string())?
}

pub fn connect(postgres: &LocalPostgres) -> std::io::Result<UnixStream> {
    let mut stream = UnixStream::connect(postgres.socket_dir().join(".s.PGSQL.5432"))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    stream.write_all(&u32::try_from(parameters.len() + 8).unwrap().to_be_bytes())?;
    stream.write_all(&196_608_u32.to_be_bytes())?;
    stream.write_all(parameters)?;
    while message(&mut stream)?.0 != b'Z' {}
    Ok(stream)
}

pub fn ask(stream: &mut UnixStream, sql: &str) -> std::io::Result<()> {
    stream.write_all(b"Q")?;
    stream.write_all(&u32::try_from(sql.len() + 5).unwrap().to_be_bytes())?;
    stream.write_all(sql.as_bytes())?;
    stream.write_all(&[0])
}

fn converse(postgres: &LocalPostgres, sql: &str) -> std::io::Result<Result<String, String>> {
    let mut stream = connect(postgres)?;
    ask(&mut stream, sql)?;
    let mut answer = Ok(String::new());
    loop {
        match message(&mut stream)? {
            (b'D', body) => {
                answer = Ok(String::from_utf8_lossy(body.get(6..).unwrap_or_default()).into_owned())
            }
            (b'E', body) => answer = Err(String::from_utf8_lossy(&body).into_owned()),
            (b'Z', _) => return Ok(answer),
            _ => {}
        }
    }
}

fn message(stream: &mut UnixStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}
