//! A database of its own for each test, and handlers ("nodes") on it.

use std::sync::Arc;
use std::time::Duration;

use decider::{
    Actor, Command, CommandId, DirectoryType, EventContext, StreamRef, Version, WorkspaceId,
};
use event_store::handler::{Accepted, CommandHandler, HandleError, HandlerSettings, Request};
use event_store::log::{LogReader, RecentCommits, VerifyReport, verify};
use event_store::migrate::migrate;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;
use vault::Vault;

use crate::bank;

/// One test's database.
pub struct Database {
    pub ws: WorkspaceId,
    pub pool: PgPool,
    pub url: String,
    name: String,
    keys: tempfile::TempDir,
}

impl Database {
    pub async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests)
            .await
            .unwrap()
            .unwrap();
        let name = format!("log_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let url = cluster.url(&name);
        let mut owner = PgConnection::connect(&url).await.unwrap();
        migrate(&mut owner, &[vault::MIGRATIONS]).await.unwrap();
        let ws = WorkspaceId(Uuid::now_v7());
        sqlx::query("select es.open_workspace($1)").bind(ws.0).execute(&mut owner).await.unwrap();
        let pool = PgPoolOptions::new().max_connections(8).connect(&url).await.unwrap();
        Self { ws, pool, url, name, keys: tempfile::tempdir().unwrap() }
    }

    /// A handler of its own: what another process would have.
    pub async fn node(&self) -> Node {
        self.node_on(self.pool.clone()).await
    }

    pub async fn node_on(&self, pool: PgPool) -> Node {
        self.node_with(pool, self.pool.clone(), RecentCommits::default()).await
    }

    /// The key ring.
    pub async fn vault(&self) -> Vault {
        Vault::open(self.pool.clone(), &self.keys.path().join("master.key")).await.unwrap()
    }

    /// A handler with a pool to append, another to read, and a memory of its own.
    pub async fn node_with(&self, append: PgPool, read: PgPool, recent: RecentCommits) -> Node {
        let vault = self.vault().await;
        let settings = HandlerSettings {
            answer_within: Duration::from_secs(60),
            ..HandlerSettings::default()
        };
        let handler = CommandHandler::new(
            (append, LogReader::new(read)),
            vault,
            recent,
            (bank::stream_types(), DirectoryType::of::<bank::Rules>()),
            settings,
        );
        Node { ws: self.ws, handler }
    }

    /// A pool of few connections that gives up soon.
    pub async fn small_pool(&self, connections: u32) -> PgPool {
        PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(Duration::from_millis(300))
            .connect(&self.url)
            .await
            .unwrap()
    }

    /// Keeps appends to the workspace waiting, in the order in which they come.
    pub async fn hold(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query("select pg_advisory_lock(hashtextextended($1::uuid::text, 7))")
            .bind(self.ws.0)
            .execute(&mut connection)
            .await
            .unwrap();
        connection
    }

    /// Waits until this many connections wait for the workspace's lock.
    pub async fn until_waiting(&self, count: i64) {
        for _ in 0..500 {
            let waiting: i64 = sqlx::query_scalar(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted
                    and database = (select oid from pg_database where datname = current_database())",
            )
            .fetch_one(&self.pool)
            .await
            .unwrap();
            if waiting >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("nobody waits for the lock");
    }

    pub async fn verify(&self) -> VerifyReport {
        verify(&self.pool, self.ws, |_| {}).await.unwrap()
    }

    pub async fn remove(self) {
        self.pool.close().await;
        let cluster = local_postgres::scratch::shared_for_tests().unwrap();
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("drop database {} with (force)", self.name)))
            .execute(&mut admin)
            .await
            .unwrap();
    }
}

/// A handler and its workspace.
#[derive(Clone)]
pub struct Node {
    pub ws: WorkspaceId,
    pub handler: CommandHandler,
}

impl Node {
    pub async fn send(&self, command: impl Command) -> Result<Accepted, HandleError> {
        self.send_as(Uuid::new_v4(), command).await
    }

    pub async fn send_as(&self, id: Uuid, command: impl Command) -> Result<Accepted, HandleError> {
        self.send_request(id, b"body", None, Arc::new(command)).await
    }

    pub async fn send_request(
        &self,
        id: Uuid,
        body: &[u8],
        expected: Option<(StreamRef, Version)>,
        command: Arc<dyn Command>,
    ) -> Result<Accepted, HandleError> {
        let request = Request {
            ws: self.ws,
            id: CommandId(id),
            body: body.to_vec(),
            actor: Actor::SYSTEM,
            context: EventContext::default(),
            expected,
            command,
        };
        self.handler.handle(request).await
    }
}

/// The code of a refusal by a rule.
pub fn code(result: Result<Accepted, HandleError>) -> &'static str {
    match result {
        Ok(_) => "accepted",
        Err(HandleError::Rejected(rejected)) => rejected.code,
        Err(HandleError::KeyReused) => "key_reused",
        Err(HandleError::VersionConflict { .. }) => "version_conflict",
        Err(HandleError::Contended) => "contended",
        Err(other) => panic!("not an answer of the domain: {other:?}"),
    }
}
