//! Several real servers on one Postgres, started, paused, killed and replaced at will.

use std::process::Command;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use tempfile::TempDir;
use testkit::{Client, GivenPostgres, Output, Program, Serving, eventually};

use crate::faults::processes;

const EMAIL: &str = "ada@desk.example.org";
const PASSWORD: &str = "correct horse battery staple";
/// `log tail` shows at most so many events.
const EVENTS_MAX: &str = "100000";
/// The views, as `projection list` names them.
const VIEWS: [&str; 8] =
    ["audit", "drafts", "inbox", "lookup", "tally", "thread", "timeline", "traces"];

/// Servers that share a database, a key file and the stored files.
pub struct Cluster {
    // Dropped in this order: the servers end before what they share goes.
    nodes: Vec<Node>,
    token: String,
    pub postgres: GivenPostgres,
    _shared: TempDir,
}

struct Node {
    serving: Option<Serving>,
    program: Program,
}

impl Cluster {
    /// So many servers, all ready, with an administrator.
    pub async fn start(count: usize) -> Self {
        let (postgres, shared) = (GivenPostgres::get().await, tempfile::tempdir().unwrap());
        let node = |_| Node { serving: None, program: program(&postgres, &shared) };
        let mut nodes: Vec<Node> = (0..count).map(node).collect();
        // The first makes database and key file; the others come together.
        let (first, others) = nodes.split_at_mut(1);
        tokio::task::block_in_place(|| {
            first.iter_mut().for_each(Node::serve);
            std::thread::scope(|scope| {
                others.iter_mut().for_each(|node| drop(scope.spawn(|| node.serve())))
            });
        });
        let mut cluster = Self { nodes, token: String::new(), postgres, _shared: shared };
        cluster.token = cluster.sign_in().await;
        cluster
    }

    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// A client of one server, signed in as the administrator.
    pub fn client(&self, node: usize) -> Client {
        self.serving(node).client(Some(&self.token))
    }

    /// A client of each server that runs.
    pub fn clients(&self) -> Vec<Client> {
        let running = self.nodes.iter().filter_map(|node| node.serving.as_ref());
        running.map(|serving| serving.client(Some(&self.token))).collect()
    }

    pub fn serving(&self, node: usize) -> &Serving {
        self.nodes[node].serving.as_ref().expect("the server runs")
    }

    /// A server, to be ended by the caller.
    pub fn take(&mut self, node: usize) -> Serving {
        self.nodes[node].serving.take().expect("the server runs")
    }

    /// Ends a server as a power cut would.
    pub fn kill(&mut self, node: usize) {
        self.take(node).kill();
    }

    /// Starts a server again.
    pub fn serve(&mut self, node: usize) {
        tokio::task::block_in_place(|| self.nodes[node].serve());
    }

    /// Sends a signal, such as `STOP`, to a server.
    pub fn signal(&self, node: usize, name: &str) {
        processes::signal(self.serving(node).pid(), name);
    }

    /// Runs a command in the place of a server.
    pub fn run(&self, node: usize, arguments: &[&str]) -> Output {
        tokio::task::block_in_place(|| self.nodes[node].program.run(arguments))
    }

    /// A command in the place of a server, to be completed by the caller.
    pub fn command(&self, node: usize, arguments: &[&str]) -> Command {
        self.nodes[node].program.command(arguments)
    }

    /// Every event of the log.
    pub fn log(&self) -> Vec<Value> {
        let told = self.run(0, &["log", "tail", "--limit", EVENTS_MAX, "--json"]).ok();
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The log is whole, link by link, without a hole in positions or versions.
    pub fn verify(&self) {
        let report = self.run(0, &["log", "verify", "--json"]).json();
        assert_eq!(report["findings"], json!([]), "{report}");
    }

    /// A connection as the application, whose views are its own.
    pub async fn database(&self) -> PgConnection {
        PgConnection::connect(&self.postgres.url()).await.unwrap()
    }

    /// Which server works on a view, by what it says itself.
    pub async fn owner_of(&self, view: &str, among: &[usize]) -> usize {
        eventually(&format!("somebody works on {view}"), || async {
            for node in among {
                let ready = self.client(*node).get("/readyz").await.json;
                let views = ready["views"].as_array().cloned().unwrap_or_default();
                if views.iter().any(|one| one["name"] == view && one["state"] == "following") {
                    return Some(*node);
                }
            }
            None
        })
        .await
    }

    /// Every row of every view, as text.
    pub async fn rows(&self) -> Vec<(String, Vec<String>)> {
        let mut database = self.database().await;
        let mut all = Vec::new();
        for table in tables(&mut database).await {
            let every = format!("select r::text from {table} as r order by 1");
            let rows = sqlx::query(AssertSqlSafe(every)).fetch_all(&mut database).await.unwrap();
            all.push((table, rows.iter().map(|row| row.get(0)).collect()));
        }
        all
    }

    /// The rows of every view are what the log folds to: they are thrown away with all servers down, and made again.
    pub async fn rows_are_the_fold(&mut self) {
        self.caught_up().await;
        let served: Vec<usize> =
            (0..self.count()).filter(|node| self.nodes[*node].serving.is_some()).collect();
        for node in &served {
            self.kill(*node);
        }
        let live = self.rows().await;
        let mut database = self.database().await;
        for table in tables(&mut database).await {
            execute(&mut database, &format!("truncate {table}")).await;
        }
        execute(&mut database, "delete from proj.checkpoint").await;
        self.serve(served[0]);
        self.caught_up().await;
        let folded = self.rows().await;
        for ((table, live), (_, folded)) in live.iter().zip(&folded) {
            assert_eq!(live, folded, "{table}");
        }
        assert!(live.iter().any(|(_, rows)| rows.len() > 1), "there is something to compare");
    }

    /// Waits until every view has folded the whole log.
    pub async fn caught_up(&self) {
        let mut database = self.database().await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let behind = "select count(*) from unnest($1::text[]) as v(name) where not exists (
             select 1 from proj.checkpoint c where c.schema_name like v.name || '_v%'
                and c.pos = (select max(last_pos) from es.commit))";
        loop {
            let row =
                sqlx::query(behind).bind(VIEWS.as_slice()).fetch_one(&mut database).await.unwrap();
            if row.get::<i64, _>(0) == 0 {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "the views do not catch up");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn sign_in(&self) -> String {
        let session = self.serving(0).client(None);
        let signed_in = json!({ "email": EMAIL, "password": PASSWORD });
        session.post("/api/v1/session", signed_in).await.ok();
        let token = session.post("/api/v1/tokens", json!({ "name": "nodes" })).await.ok();
        token["token"].as_str().unwrap().to_owned()
    }
}

impl Node {
    fn serve(&mut self) {
        assert!(self.serving.is_none(), "the server runs");
        self.serving = Some(self.program.serve());
    }
}

fn program(postgres: &GivenPostgres, shared: &TempDir) -> Program {
    let within = |name: &str| shared.path().join(name).display().to_string();
    Program::fresh()
        .with("DATABASE_URL", &postgres.url())
        .with("DATABASE_OWNER_URL", &postgres.owner_url())
        .with("LEDGERDESK_KEY_FILE", &within("master.key"))
        .with("LEDGERDESK_OBJECTS", &within("objects"))
        .with("LEDGERDESK_ADMIN_EMAIL", EMAIL)
        .with("LEDGERDESK_ADMIN_PASSWORD", PASSWORD)
}

async fn tables(database: &mut PgConnection) -> Vec<String> {
    let found = "select format('%I.%I', t.schemaname, t.tablename) from pg_tables t
                  join proj.build b on b.schema_name = t.schemaname order by 1";
    let rows = sqlx::query(found).fetch_all(database).await.unwrap();
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for view in VIEWS {
        assert!(tables.iter().any(|table| table.starts_with(view)), "{view} among {tables:?}");
    }
    tables
}

async fn execute(database: &mut PgConnection, statement: &str) {
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(database).await.unwrap();
}
