//! A workspace of its own for each test, on the shared throw-away cluster; dropped with the value.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use channels::import::{Format, ImportRequest, Importer, Report};
use commands::ticket::ImportedStatus;
use commands::workspace::{CreateWorkspace, SeedIds};
use decider::{Actor, Command, CommandId, EventContext, LogPosition, WorkspaceId};
use event_store::handler::{CommandHandler, HandlerSettings, Request};
use event_store::log::{LogReader, RecentCommits};
use event_store::migrate::migrate;
use events::{AnyEvent, PipelineId, StatusId};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;
use vault::{SealedObjects, Vault};

pub struct Desk {
    pub ws: WorkspaceId,
    pub handler: CommandHandler,
    pub objects: SealedObjects,
    pub folder: tempfile::TempDir,
    ops: ops::Ops,
    name: String,
    admin_url: String,
}

impl Desk {
    pub async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests);
        let cluster = cluster.await.unwrap().unwrap();
        let (name, admin_url) =
            (format!("channels_{}", Uuid::now_v7().simple()), cluster.url("postgres"));
        run(&admin_url, format!("create database {name}")).await;
        let url = cluster.url(&name);
        let mut owner = PgConnection::connect(&url).await.unwrap();
        migrate(&mut owner, &[vault::MIGRATIONS, ops::MIGRATIONS]).await.unwrap();
        let ws = WorkspaceId(Uuid::now_v7());
        sqlx::query("select es.open_workspace($1)").bind(ws.0).execute(&mut owner).await.unwrap();
        owner.close().await.unwrap();
        let pool = PgPoolOptions::new().max_connections(8).connect(&url).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut desk = Self::on(pool, (name, admin_url), ws, folder).await;
        desk.create_workspace().await;
        desk.wait_until_ready().await;
        desk
    }

    async fn on(
        pool: PgPool,
        (name, admin_url): (String, String),
        ws: WorkspaceId,
        folder: tempfile::TempDir,
    ) -> Self {
        let vault = Vault::open(pool.clone(), &folder.path().join("keys")).await.unwrap();
        let objects = SealedObjects::local(vault.clone(), &folder.path().join("objects")).unwrap();
        let ops = ops::Ops::new(pool.clone(), vault.clone());
        let settings = HandlerSettings {
            answer_within: Duration::from_secs(60),
            ..HandlerSettings::default()
        };
        let handler = CommandHandler::new(
            (pool.clone(), LogReader::new(pool)),
            vault,
            RecentCommits::default(),
            (commands::stream_types(), commands::directory_type()),
            settings,
        );
        Self { ws, handler, objects, folder, ops, name, admin_url }
    }

    async fn create_workspace(&self) {
        let seed = SeedIds {
            pipeline_id: PipelineId(Uuid::now_v7()),
            status_ids: [(); 4].map(|()| StatusId(Uuid::now_v7())),
        };
        let workspace_id = Uuid::now_v7();
        self.send(CreateWorkspace { workspace_id, name: "Example".to_owned(), seed }).await;
    }

    async fn wait_until_ready(&mut self) {
        self.handler.ready(self.ws).await.unwrap();
    }

    pub async fn send(&self, command: impl Command) {
        let request = Request {
            ws: self.ws,
            id: CommandId(Uuid::now_v7()),
            body: Vec::new(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected: None,
            command: Arc::new(command),
        };
        self.handler.handle(request).await.unwrap();
    }

    /// Writes a file and imports it.
    pub async fn import(&self, format: Format, content: &[u8]) -> Report {
        let path = self.folder.path().join("old mail");
        std::fs::write(&path, content).unwrap();
        self.import_files(format, vec![path]).await
    }

    pub async fn import_files(&self, format: Format, files: Vec<PathBuf>) -> Report {
        let request = ImportRequest {
            ws: self.ws,
            actor: Actor::SYSTEM,
            format,
            files,
            channel: None,
            status: ImportedStatus::Closed,
        };
        self.importer().run(request, &|_| {}).await.unwrap()
    }

    pub fn importer(&self) -> Importer {
        Importer {
            handler: self.handler.clone(),
            objects: self.objects.clone(),
            intake: self.ops.intake.clone(),
        }
    }

    /// How many objects are stored.
    pub fn object_count(&self) -> usize {
        fn files(folder: &std::path::Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
        }
        files(&self.folder.path().join("objects"))
    }

    /// The persons whose erasure concerns a key.
    pub async fn subjects(&self, key: Uuid) -> BTreeSet<Uuid> {
        let found = sqlx::query_scalar("select subject from vault.subject where key_id = $1");
        let found: Vec<Uuid> =
            found.bind(key).fetch_all(self.handler.reader().pool()).await.unwrap();
        found.into_iter().collect()
    }

    /// Every event, in order.
    pub async fn log(&self) -> Vec<(Uuid, AnyEvent)> {
        let stored = self.handler.reader().after(self.ws, LogPosition(0), 10_000).await.unwrap();
        stored.iter().map(|event| (event.stream, AnyEvent::decode(event).unwrap())).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        let url = self.admin_url.clone();
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(run(&url, statement));
        });
        let _ = dropped.join();
    }
}

async fn run(url: &str, statement: String) {
    let mut admin = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}
