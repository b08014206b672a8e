//! The program itself on a data folder filled by its own command.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::Client;
use crate::table::Table;

/// How long the program may take to answer, and how long a view may stand still.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Desk {
    pub tickets: u64,
    pub data: PathBuf,
    address: String,
    child: Child,
    _folder: Option<TempDir>,
}

/// Who asks: the agent with the most tickets, one with few, somebody who only reads.
pub const CALLERS: [(&str, u64); 3] =
    [("busiest agent", 0), ("agent with few", 150), ("light agent", 1)];

fn ledgerdesk(data: &std::path::Path, arguments: &[&str]) -> Command {
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
        let output = ledgerdesk(&data, &["generate", "--json", "--tickets", &tickets.to_string()])
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "it cannot be filled");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        table.add("filling", "events/s", report["events_per_second"].as_f64().unwrap());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let child = ledgerdesk(&data, &["serve", "--listen", &address])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let desk = Self { tickets, data, address, child, _folder: folder };
        let started = Instant::now();
        while tokio::net::TcpStream::connect(&desk.address).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the program does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        desk
    }

    /// A client of an invented user.
    pub async fn client(&self, agent: u64) -> Client {
        let email = format!("agent{agent}.1-{}-200@desk.example", self.tickets);
        let token =
            ledgerdesk(&self.data, &["token", "create", "--email", &email]).output().unwrap();
        let token = String::from_utf8(token.stdout).unwrap();
        Client::connect(&self.address, token.lines().last().unwrap().trim()).await
    }

    /// From the first event to views that have caught up.
    pub async fn wait_for_views(&self, table: &mut Table) {
        let started = Instant::now();
        let (mut moved, mut before) = (Instant::now(), 0);
        loop {
            let listed =
                ledgerdesk(&self.data, &["projection", "list", "--json"]).output().unwrap();
            let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
            let head = number(&listed["head"]);
            let active =
                listed["items"].as_array().unwrap().iter().filter(|view| view["state"] == "active");
            let places: Vec<u64> = active.map(|view| number(&view["checkpoint"])).collect();
            let least = places.iter().copied().min().unwrap_or(0);
            if least >= head {
                let rate = head as f64 / started.elapsed().as_secs_f64();
                return table.add("all views from nothing, live path", "events/s", rate);
            }
            let sum = places.iter().sum();
            if sum > before {
                (moved, before) = (Instant::now(), sum);
            }
            assert!(moved.elapsed() < PATIENCE, "the views do not get on: {listed}");
            eprintln!("the views are at {places:?} of {head}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        self.child.wait().unwrap();
    }
}

fn number(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).or_else(|| value.as_u64()).unwrap_or(0)
}

/// The server may run as another user than this program.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
