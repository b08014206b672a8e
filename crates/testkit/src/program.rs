//! The real binary on a data folder of its own, for tests of starts, crashes and the command line.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::client::Client;

/// How long a command or a start may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);
const BINARY: &str = "ledgerdesk";

/// The binary with a data folder. The folder, with the database in it, goes when the value is dropped.
pub struct Program {
    binary: PathBuf,
    folder: TempDir,
    environment: Vec<(String, String)>,
}

/// What a command wrote, and how it ended.
#[derive(Debug)]
pub struct Output {
    /// The exit code; -1 after a signal.
    pub code: i32,
    /// What it wrote to stdout.
    pub stdout: String,
    /// What it wrote to stderr.
    pub stderr: String,
}

/// A running `serve`. Dropping it kills the process.
pub struct Serving {
    child: Child,
    lines: Receiver<String>,
    /// What it has said on stdout until it was ready.
    pub welcome: Vec<String>,
    /// Where it listens, such as `http://127.0.0.1:41234`.
    pub url: String,
}

impl Program {
    /// A fresh data folder; nothing is started.
    #[must_use]
    pub fn fresh() -> Self {
        Self::of(binary())
    }

    /// The same with another build of the program.
    #[must_use]
    pub fn of(binary: PathBuf) -> Self {
        Self { binary, folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// The same with a variable in the environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        self.folder.path()
    }

    /// A connection as the owner of the running database, who may do what the application may not.
    pub async fn owner(&self) -> sqlx::PgConnection {
        let data = self.data().to_owned();
        let attached = tokio::task::spawn_blocking(move || local_postgres::attach(&data)).await;
        let postgres = attached.expect("the thread ends").expect("the database runs");
        let url = postgres.url("ledgerdesk");
        <sqlx::PgConnection as sqlx::Connection>::connect(&url)
            .await
            .expect("the database can be reached")
    }

    /// A command on the data folder, to be completed by the caller.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--data").arg(self.data());
        for (name, _) in std::env::vars().filter(|(name, _)| is_ours(name)) {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command to its end.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_with_input(arguments, "")
    }

    /// Runs a command to its end, with something on its stdin.
    #[must_use]
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        // A command that does not read its input may be gone before it is written.
        drop(child.stdin.take().map(|mut stdin| stdin.write_all(input.as_bytes())));
        let output = child.wait_with_output().unwrap();
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Starts the server on a free port and waits until it takes requests.
    #[must_use]
    pub fn serve(&self) -> Serving {
        self.serve_with(&["--listen", "127.0.0.1:0"])
    }

    /// Starts the server with these flags and waits until it takes requests.
    #[must_use]
    pub fn serve_with(&self, flags: &[&str]) -> Serving {
        let mut command = self.command(&[&["serve"], flags].concat());
        let log = std::fs::File::create(self.data().with_extension("log")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child =
            command.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.binary.display()));
        let lines = lines_of(&mut child);
        let mut serving = Serving { child, lines, welcome: Vec::new(), url: String::new() };
        serving.wait_until_ready(&self.data().with_extension("log"));
        serving
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        drop(std::fs::remove_file(self.data().with_extension("log")));
        // Root cannot always keep the cluster inside the data folder.
        drop(local_postgres::remove(self.data()));
    }
}

impl Output {
    /// What a command that had to succeed wrote to stdout, without the last line break.
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stdout.trim_end().to_owned()
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What a command that had to fail with this code wrote to stderr.
    #[track_caller]
    pub fn failed(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self.stderr
    }
}

impl Serving {
    /// A client of it.
    #[must_use]
    pub fn client(&self, token: Option<&str>) -> Client {
        Client::new(self.url.clone(), token.map(str::to_owned))
    }

    /// The one-time link for the first administrator, if it printed one.
    #[must_use]
    pub fn setup_link(&self) -> Option<&str> {
        self.welcome.iter().find_map(|line| line.trim().starts_with("http").then(|| line.trim()))
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }

    /// Asks it to end, and answers how it did.
    pub fn terminate(mut self) -> ExitStatus {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "the server does not end");
            std::thread::sleep(PAUSE);
        }
    }

    fn wait_until_ready(&mut self, log: &Path) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(PAUSE) {
                Ok(line) => {
                    if let Some(rest) = line.strip_prefix("Ledgerdesk is running at ") {
                        self.url = rest.split_whitespace().next().unwrap_or_default().to_owned();
                    }
                    let last = line.starts_with("Stop it with");
                    self.welcome.push(line);
                    if last {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    assert!(Instant::now() < deadline, "the server is not ready: {}", read(log));
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended: {}", read(log)),
            }
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read(log: &Path) -> String {
    std::fs::read_to_string(log).unwrap_or_default()
}

fn lines_of(child: &mut Child) -> Receiver<String> {
    let stdout = BufReader::new(child.stdout.take().expect("a piped stdout"));
    let (send, lines) = channel();
    std::thread::spawn(move || {
        for line in stdout.lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn is_ours(name: &str) -> bool {
    (name.starts_with("LEDGERDESK_") && name != "LEDGERDESK_PG_BIN")
        || name.starts_with("DATABASE_")
}

/// The binary beside this test program, which cargo builds with it or before it.
fn binary() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let found = program
        .ancestors()
        .skip(1)
        .take(3)
        .map(|folder| folder.join(BINARY))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{BINARY} is not built: cargo build --package server --bin {BINARY}")
    })
}
