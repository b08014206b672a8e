//! The program as `make run` starts it, with many users.

use std::ffi::OsString;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use commands::user::AddUser;
use decider::{CommandId, Personal, WorkspaceId};
use events::user::Role;
use events::{TokenId, UserId};
use ops::NewApiToken;
use server::config::{Config, Flags};
use server::database::{PoolSizes, Starter};
use server::seed;
use server::service::{Service, now};
use tempfile::TempDir;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(120);
const USERS: usize = 50;
/// The unit of CPU time in /proc.
const TICKS_PER_S: f64 = 100.0;

pub struct Program {
    pub address: String,
    pub tokens: Vec<String>,
    child: Child,
    _folder: TempDir,
}

impl Program {
    pub async fn start() -> Self {
        let folder =
            tempfile::Builder::new().prefix("ledgerdesk-bench").tempdir_in("/var/tmp").unwrap();
        open_to_all(folder.path());
        let data = folder.path().join("data");
        let tokens = people(&data).await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_ledgerdesk"))
            .args(["serve", "--listen", &address, "--data"])
            .arg(data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the program does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Self { address, tokens, child, _folder: folder }
    }

    /// Resident memory of the program, without its Postgres.
    pub fn resident_mb(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1_024.0
    }

    /// CPU time of the program, without its Postgres.
    pub fn cpu_s(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / TICKS_PER_S
    }

    pub async fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        tokio::task::spawn_blocking(move || self.child.wait()).await.unwrap().unwrap();
    }
}

/// Users, each with a token.
async fn people(data: &std::path::Path) -> Vec<String> {
    let values: Vec<(&'static str, OsString)> = vec![("data", data.into())];
    let config = Config::from_layers(&Flags { config: None, values }, []).unwrap();
    let service = Service::open(config, Starter::Server, PoolSizes::SERVER).await.unwrap();
    let ws = service.workspace().unwrap();
    seed::workspace(&service, ws).await.unwrap();
    let mut tokens = Vec::new();
    for index in 0..USERS {
        tokens.push(person(&service, ws, index).await);
    }
    service.stop().await;
    tokens
}

async fn person(service: &Service, ws: WorkspaceId, index: usize) -> String {
    let user_id = UserId(Uuid::now_v7());
    let add = AddUser {
        user_id,
        name: Personal(format!("Agent {index}")),
        email: Personal(format!("agent{index}@desk.example.org")),
        role: Role::Agent,
    };
    service.handle(ws, CommandId(Uuid::now_v7()), add).await.unwrap();
    let id = TokenId(Uuid::now_v7()).0;
    let token = NewApiToken { ws, id, user: user_id.0, label: "bench".to_owned() };
    service.ops.tokens.create(&token, now()).await.unwrap().expose().to_owned()
}

/// The server may run as another user than this program.
fn open_to_all(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
}
