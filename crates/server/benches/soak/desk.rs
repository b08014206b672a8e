//! The program as `make run` starts it, on a folder of its own that goes with it, whatever happens.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Ask, Client};
use crate::people::People;

/// How long the program may take to take requests.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to end.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

pub struct Desk {
    pub address: String,
    pub people: People,
    pub data: PathBuf,
    child: Mutex<Child>,
    folder: TempDir,
}

impl Desk {
    pub async fn start() -> Self {
        let above = std::env::var_os("FOLDER").unwrap_or_else(|| "/var/tmp".into());
        let folder = tempfile::Builder::new().prefix("ledgerdesk-soak").tempdir_in(above).unwrap();
        open_to_all(folder.path());
        let data = folder.path().join("data");
        let people = People::make(&data).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let log = File::create(folder.path().join("log")).unwrap();
        // A signal from the keyboard is for this program, which ends the server when it has finished with it.
        let child = command(&data, &["serve", "--listen", &address])
            .stdout(Stdio::null())
            .stderr(log)
            .process_group(0)
            .spawn()
            .unwrap();
        let desk = Self { address, people, data, child: Mutex::new(child), folder };
        let started = Instant::now();
        while tokio::net::TcpStream::connect(&desk.address).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the program does not start: {}", desk.log());
            tokio::time::sleep(PAUSE).await;
        }
        desk
    }

    /// The process of the server.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap().id()
    }

    /// Runs a command of the program beside the server.
    pub fn run(&self, arguments: &[&str]) -> Output {
        command(&self.data, arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// What the administrator is answered.
    pub async fn ask(&self, path: &str) -> Result<Value, String> {
        let mut client = Client::connect(&self.address).await?;
        let answer = client.send(&Ask::get(path, &self.people.admin.token)).await?;
        answer.json()
    }

    /// The URL of the database, as its owner.
    pub async fn database(&self) -> String {
        let data = self.data.clone();
        let attached = tokio::task::spawn_blocking(move || local_postgres::attach(&data)).await;
        attached.unwrap().unwrap().url("ledgerdesk")
    }

    /// Waits until every view has folded the whole log; says how long that took, or what is missing.
    pub async fn wait_for_views(&self, within: Duration) -> Result<Duration, String> {
        let started = Instant::now();
        let head = self.ask("/api/v1/admin/log/head").await?["position"].clone();
        loop {
            let listed = self.ask("/api/v1/admin/projections").await?;
            let views = listed["items"].as_array().unwrap();
            let whole =
                |view: &Value| view["checkpoint"] == head && view["quarantined_streams"] == 0;
            if !views.is_empty() && views.iter().all(whole) {
                return Ok(started.elapsed());
            }
            if started.elapsed() > within {
                return Err(format!("after {within:?}: {listed}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What the server has written to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Asks the server to end, and says how it did.
    pub async fn stop(self) -> Result<String, String> {
        tokio::task::spawn_blocking(move || self.terminate()).await.unwrap()
    }

    fn terminate(&self) -> Result<String, String> {
        let mut child = self.child.lock().unwrap();
        let started = Instant::now();
        drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).status());
        while started.elapsed() < STOPS_WITHIN {
            match child.try_wait().unwrap() {
                Some(status) if status.success() => {
                    return Ok(format!("{:.1} s", started.elapsed().as_secs_f64()));
                }
                Some(status) => return Err(format!("{status}: {}", self.log())),
                None => std::thread::sleep(PAUSE),
            }
        }
        Err(format!("still there after {STOPS_WITHIN:?}"))
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if self.child.lock().unwrap().try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.terminate());
            let mut child = self.child.lock().unwrap();
            drop(child.kill());
            drop(child.wait());
        }
        // Root cannot always keep the cluster inside the data folder.
        drop(local_postgres::remove(&self.data));
    }
}

fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerdesk"));
    command.args(arguments).arg("--data").arg(data);
    command
}

/// The server may run as another user than this program.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
