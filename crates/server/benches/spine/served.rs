//! The program itself, as `make run` starts it, measured from outside.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use events::StatusId;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::domain::report;
use crate::http::Client;
use crate::setup::duration;
use crate::table::Table;

/// How long the program may take to answer, and the views to catch up.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Served {
    pub address: String,
    pub token: String,
    statuses: Vec<StatusId>,
    child: Child,
    _folder: TempDir,
}

impl Served {
    pub async fn start(folder: TempDir, token: String, statuses: Vec<StatusId>) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let child = Command::new(env!("CARGO_BIN_EXE_ledgerdesk"))
            .args(["serve", "--listen", &address, "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let served = Self { address, token, statuses, child, _folder: folder };
        let started = Instant::now();
        while tokio::net::TcpStream::connect(&served.address).await.is_err() {
            assert!(started.elapsed() < PATIENCE, "the program does not start");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        served
    }

    pub async fn client(&self) -> Client {
        Client::connect(&self.address, &self.token).await
    }

    /// From a database without views to views that have caught up.
    pub async fn wait_for_views(&self, table: &mut Table) {
        let mut client = self.client().await;
        let started = Instant::now();
        let (_, body) = client.send("GET", "/api/v1/admin/log/head", None).await;
        let head = position(&serde_json::from_slice::<Value>(&body).unwrap()["position"]);
        loop {
            let (_, body) = client.send("GET", "/api/v1/admin/projections", None).await;
            let answer: Value = serde_json::from_slice(&body).unwrap();
            let list = answer["items"].as_array().unwrap();
            if !list.is_empty() && list.iter().all(|view| position(&view["checkpoint"]) >= head) {
                let rate = head as f64 / started.elapsed().as_secs_f64();
                table.add("all views from nothing", "events/s", rate);
                return;
            }
            assert!(started.elapsed() < PATIENCE, "the views do not catch up: {answer}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The first page of every view, one caller.
    pub async fn pages(&self, table: &mut Table) {
        let mut client = self.client().await;
        let (_, body) = client.send("GET", "/api/v1/views", None).await;
        let views: Value = serde_json::from_slice(&body).unwrap();
        for view in views["items"].as_array().unwrap() {
            let id = view["id"].as_str().unwrap();
            let path = format!("/api/v1/views/{id}/tickets?limit=50");
            self.read(&mut client, table, &format!("first page of {id}"), &path).await;
        }
        self.read(&mut client, table, "counts of all views", "/api/v1/views/counts").await;
        self.read(&mut client, table, "one ticket by number", "/api/v1/tickets/1000").await;
    }

    async fn read(&self, client: &mut Client, table: &mut Table, what: &str, path: &str) {
        let mut took = Vec::new();
        for _ in 0..100 {
            let sent = Instant::now();
            let (status, body) = client.send("GET", path, None).await;
            took.push(sent.elapsed());
            assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
        }
        took.sort_unstable();
        table.add(what, "p50 ms", took[50].as_secs_f64() * 1000.0);
        table.add(what, "p95 ms", took[95].as_secs_f64() * 1000.0);
    }

    pub async fn commands(&self, table: &mut Table, callers: usize) {
        let started = Instant::now();
        let took = join_all((0..callers).map(|_| self.caller(started))).await;
        report(table, &format!("HTTP, {callers} callers"), "commands/s", started, took);
    }

    async fn caller(&self, started: Instant) -> Vec<Duration> {
        let mut client = self.client().await;
        let mut took = Vec::new();
        while started.elapsed() < duration() {
            let create =
                json!({"name": "The printer is on fire again", "tags": ["printer"]}).to_string();
            let id = self.timed(&mut client, &mut took, ("POST", "/api/v1/tickets"), &create).await;
            let path = |rest: &str| format!("/api/v1/tickets/{}{rest}", id.as_str().unwrap());
            let comment = json!({"text": "The fire brigade knows the way by now."}).to_string();
            self.timed(&mut client, &mut took, ("POST", &path("/comments")), &comment).await;
            let update = json!({"priority": "urgent"}).to_string();
            self.timed(&mut client, &mut took, ("PATCH", &path("")), &update).await;
            let update = json!({"category": "hardware"}).to_string();
            self.timed(&mut client, &mut took, ("PATCH", &path("")), &update).await;
            let status = json!({"status_id": self.statuses[3]}).to_string();
            self.timed(&mut client, &mut took, ("PUT", &path("/status")), &status).await;
        }
        took
    }

    async fn timed(
        &self,
        client: &mut Client,
        took: &mut Vec<Duration>,
        (method, path): (&str, &str),
        body: &str,
    ) -> Value {
        let sent = Instant::now();
        let (status, answer) = client.send(method, path, Some(body)).await;
        took.push(sent.elapsed());
        assert!(status < 300, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice::<Value>(&answer).unwrap()["id"].clone()
    }

    /// Resident memory of the program, without its Postgres.
    pub fn memory(&self, table: &mut Table, what: &str) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        table.add(what, "MB", kilobytes / 1000.0);
    }

    pub async fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        tokio::task::spawn_blocking(move || self.child.wait()).await.unwrap().unwrap();
    }
}

fn position(value: &Value) -> u64 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}
