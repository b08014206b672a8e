//! The program itself on a data folder filled by its own command, started and stopped as often as wanted.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{Ask, Client};
use crate::process;
use crate::table::Table;

/// How long the program may take to answer after a start.
const STARTS_WITHIN: Duration = Duration::from_secs(300);
/// How long it may take to end: its Postgres writes what it has in memory.
const STOPS_WITHIN: Duration = Duration::from_secs(120);
/// How long no view may get on before it is given up.
const STANDS_STILL_MAX: Duration = Duration::from_secs(900);
const LOOK_EVERY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

pub struct Desk {
    pub tickets: u64,
    pub data: PathBuf,
    pub address: String,
    child: Option<Child>,
    folder: Option<TempDir>,
}

fn ledgerdesk(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ledgerdesk"));
    command.args(arguments).arg("--data").arg(data);
    command
}

impl Desk {
    pub async fn filled(tickets: u64, table: &mut Table) -> Self {
        let kept =
            std::env::var_os("KEEP").map(|folder| PathBuf::from(folder).join(tickets.to_string()));
        let folder = kept.is_none().then(|| {
            let folder =
                tempfile::Builder::new().prefix("ledgerdesk-size").tempdir_in("/var/tmp").unwrap();
            open_to_all(folder.path());
            folder
        });
        let data = match (&kept, &folder) {
            (Some(kept), _) => kept.clone(),
            (None, Some(folder)) => folder.path().join("data"),
            (None, None) => unreachable!("one of the two is there"),
        };
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let mut desk = Self { tickets, data, address, child: None, folder };
        let arguments = ["generate", "--json", "--tickets", &tickets.to_string()];
        let output = ledgerdesk(&desk.data, &arguments).stderr(Stdio::inherit()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{} cannot be filled: {told}", desk.data.display());
        let report: Value = serde_json::from_str(&told).unwrap();
        eprintln!("filled: {report}");
        if report["events"].as_u64() > Some(0) {
            table.add("filling", "events/s", report["events_per_second"].as_f64().unwrap());
        }
        desk.start().await;
        desk
    }

    /// Starts the server; answers how long it took until a request was answered.
    pub async fn start(&mut self) -> Duration {
        let log = self.data.with_extension("log");
        let started = Instant::now();
        let child = ledgerdesk(&self.data, &["serve", "--listen", &self.address])
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
        while !self.is_up().await {
            let ended = self.child.as_mut().unwrap().try_wait().unwrap();
            let slow = started.elapsed() > STARTS_WITHIN;
            assert!(!slow && ended.is_none(), "it does not start, see {}", log.display());
            tokio::time::sleep(PAUSE).await;
        }
        started.elapsed()
    }

    async fn is_up(&self) -> bool {
        let Ok(mut client) = Client::connect(&self.address).await else { return false };
        client.send(&Ask::get("/healthz", "")).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Starts the server with nothing of its data in memory, neither in Postgres nor, as far as that may be asked for, in the kernel.
    pub async fn start_cold(&mut self) -> Duration {
        self.end();
        forget(&self.data);
        self.start().await
    }

    /// A token of an invented user.
    pub fn token(&self, agent: u64) -> String {
        let email = format!("agent{agent}.1-{}-200@desk.example", self.tickets);
        let arguments = ["token", "create", "--json", "--email", &email];
        let made = ledgerdesk(&self.data, &arguments).stderr(Stdio::inherit()).output().unwrap();
        let made: Value = serde_json::from_slice(&made.stdout).expect("a token");
        made["token"].as_str().expect("a token").to_owned()
    }

    /// From the first event to views that have caught up.
    pub async fn wait_for_views(&self, table: &mut Table) {
        let started = Instant::now();
        let (mut moved, mut before) = (Instant::now(), None);
        // None yet while they are built for the first time.
        let mut first = None;
        loop {
            let now = self.places();
            if let Some((head, places)) = &now {
                let least = places.iter().copied().min().unwrap_or(0);
                let first = *first.get_or_insert(least);
                if least >= *head {
                    let folded = head - first;
                    if folded > 1_000 {
                        let rate = folded as f64 / started.elapsed().as_secs_f64();
                        table.add("the slowest view, live path", "events/s", rate);
                    }
                    return;
                }
                eprintln!("the views are at {places:?} of {head}");
            }
            // A database that is busy with them may not answer in time: the next look will tell.
            if now.is_some() && now != before {
                (moved, before) = (Instant::now(), now);
            }
            let stands = moved.elapsed() > STANDS_STILL_MAX;
            assert!(
                !stands,
                "the views do not get on, see {}",
                self.data.with_extension("log").display()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The head, and where each view is.
    fn places(&self) -> Option<(u64, Vec<u64>)> {
        let listed = ledgerdesk(&self.data, &["projection", "list", "--json"]).output().ok()?;
        let listed: Value = serde_json::from_slice(&listed.stdout).ok()?;
        let active = listed["items"].as_array()?.iter().filter(|view| view["state"] == "active");
        let places: Vec<u64> = active.map(|view| position(&view["checkpoint"])).collect();
        (!places.is_empty()).then(|| (position(&listed["head"]), places))
    }

    /// Resident memory of the server, without its Postgres.
    pub fn resident_mb(&self) -> f64 {
        self.child.as_ref().map_or(0.0, |child| process::held(child.id()).resident_mb)
    }

    /// Memory of its Postgres.
    pub fn postgres_mb(&self) -> f64 {
        self.child.as_ref().map_or(0.0, |child| process::postgres_mb(child.id()))
    }

    pub async fn stop(mut self) {
        tokio::task::block_in_place(|| self.end());
    }

    fn end(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(Command::new("kill").args(["-TERM", &child.id().to_string()]).status());
        let started = Instant::now();
        while started.elapsed() < STOPS_WITHIN {
            if child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
        eprintln!("it does not end after {STOPS_WITHIN:?}");
        drop(child.kill());
        drop(child.wait());
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.end();
        if self.folder.is_some() {
            // Root cannot always keep the cluster inside the data folder.
            drop(local_postgres::remove(&self.data));
        }
    }
}

fn position(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64()).unwrap_or(0)
}

/// Asks the kernel to drop what it holds of all files below a folder; pages that were written back go.
fn forget(folder: &Path) {
    drop(Command::new("sync").status());
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => left.push(entry.path()),
                Ok(kind) if kind.is_file() => forget_file(&entry.path()),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

fn forget_file(file: &Path) {
    let from = format!("if={}", file.display());
    let drop_it = ["iflag=nocache", "count=0", "status=none", &from];
    drop(Command::new("dd").args(drop_it).stderr(Stdio::null()).status());
}

/// The server may run as another user than this program.
fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
