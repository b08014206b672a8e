//! The real binary with an administrator, killed and started again at will.

use serde_json::{Value, json};
use testkit::{Client, Program, Serving};

pub const EMAIL: &str = "ada@desk.example.org";
pub const PASSWORD: &str = "correct horse battery staple";
/// `log tail` shows at most so many events.
const EVENTS_MAX: &str = "100000";

/// A server on a data folder of its own, with a token of its administrator.
pub struct Desk {
    // Dropped in this order: the server ends before its folder goes.
    serving: Option<Serving>,
    pub program: Program,
    token: String,
}

impl Desk {
    /// A fresh one with a private Postgres.
    pub async fn start() -> Self {
        Self::with(Program::fresh()).await
    }

    /// A fresh one on another database.
    pub async fn on(database_url: &str) -> Self {
        Self::with(Program::fresh().with("DATABASE_URL", database_url)).await
    }

    /// A fresh one on another database, whose owner gets there by another way.
    pub async fn on_two(database_url: &str, owner_url: &str) -> Self {
        let program = Program::fresh().with("DATABASE_URL", database_url);
        Self::with(program.with("DATABASE_OWNER_URL", owner_url)).await
    }

    /// A fresh one on another database, on which it may hold so many connections.
    pub async fn on_few(database_url: &str, connections: usize) -> Self {
        let program = Program::fresh().with("DATABASE_URL", database_url);
        Self::with(program.with("DATABASE_CONNECTIONS", &connections.to_string())).await
    }

    /// A fresh one of a program that was told more.
    pub async fn with(program: Program) -> Self {
        let program = program
            .with("LEDGERDESK_ADMIN_EMAIL", EMAIL)
            .with("LEDGERDESK_ADMIN_PASSWORD", PASSWORD);
        let serving = program.serve();
        let session = serving.client(None);
        let signed_in = json!({ "email": EMAIL, "password": PASSWORD });
        session.post("/api/v1/session", signed_in).await.ok();
        let token = session.post("/api/v1/tokens", json!({ "name": "faults" })).await.ok();
        let token = token["token"].as_str().unwrap().to_owned();
        Self { serving: Some(serving), program, token }
    }

    /// A client of the server as it runs now, signed in.
    pub fn client(&self) -> Client {
        self.serving().client(Some(&self.token))
    }

    /// The administrator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn serving(&self) -> &Serving {
        self.serving.as_ref().expect("the server runs")
    }

    /// Ends the server as a power cut would.
    pub fn kill(&mut self) {
        self.take().kill();
    }

    /// The server, to be ended by the caller.
    pub fn take(&mut self) -> Serving {
        self.serving.take().expect("the server runs")
    }

    /// Starts the server again.
    pub fn serve(&mut self) {
        assert!(self.serving.is_none(), "the server runs");
        self.serving = Some(tokio::task::block_in_place(|| self.program.serve()));
    }

    /// Runs a command beside the server, or alone.
    pub fn run(&self, arguments: &[&str]) -> testkit::Output {
        tokio::task::block_in_place(|| self.program.run(arguments))
    }

    /// The log is whole, link by link.
    pub fn verify(&self) {
        let report = self.run(&["log", "verify", "--json"]).json();
        assert_eq!(report["findings"], json!([]), "{report}");
    }

    /// Every event of the log.
    pub fn log(&self) -> Vec<Value> {
        let told = self.run(&["log", "tail", "--limit", EVENTS_MAX, "--json"]).ok();
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
