//! A database of its own for each test, with the log of a test and all views.

use std::collections::HashMap;
use std::path::PathBuf;

use decider::{LogPosition, StoredEvent, WorkspaceId};
use event_store::log::{
    AppendBatch, Appended, Head, LogReader, PendingEvent, RecentCommits, append,
};
use event_store::migrate::migrate;
use event_store::projection::{
    LogSource, Projection, ProjectionType, Projector, ProjectorParts, prepare, read_rows,
};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;
use vault::{SealingKey, Vault};

use super::log::Log;
use crate::registry;

pub struct Database {
    pub ws: WorkspaceId,
    pub pool: PgPool,
    pub vault: Vault,
    name: String,
    keys: tempfile::TempDir,
}

impl Database {
    pub async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests)
            .await
            .unwrap()
            .unwrap();
        let name = format!("views_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let mut owner = PgConnection::connect(&cluster.url(&name)).await.unwrap();
        migrate(&mut owner, &[vault::MIGRATIONS]).await.unwrap();
        let plain =
            PgPoolOptions::new().max_connections(1).connect(&cluster.url(&name)).await.unwrap();
        let path = prepare(&plain, &registry()).await.unwrap();
        plain.close().await;
        let pool = PgPoolOptions::new()
            .max_connections(6)
            .after_connect(move |connection, _| {
                let path = path.clone();
                Box::pin(async move { path.set_on(connection).await })
            })
            .connect(&cluster.url(&name))
            .await
            .unwrap();
        let keys = tempfile::tempdir().unwrap();
        let vault = Vault::open(pool.clone(), &key_file(&keys)).await.unwrap();
        let mut database = Self { ws: WorkspaceId(Uuid::nil()), pool, vault, name, keys };
        database.new_workspace().await;
        database
    }

    /// The key ring of another process, which hears of nothing that happens in this one.
    pub async fn another_vault(&self) -> Vault {
        Vault::open(self.pool.clone(), &key_file(&self.keys)).await.unwrap()
    }

    pub async fn new_workspace(&mut self) {
        self.ws = WorkspaceId(Uuid::now_v7());
        sqlx::query("select es.open_workspace($1)")
            .bind(self.ws.0)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A log of this workspace whose content is sealed with real keys: these, by the id of what they belong to, and one more for
    /// everything else.
    pub async fn log(&self, scopes: &[Uuid]) -> Log {
        let mut keys: HashMap<Uuid, SealingKey> = HashMap::new();
        for scope in scopes {
            keys.insert(*scope, self.vault.take_key(self.ws).await.unwrap());
        }
        let other = self.vault.take_key(self.ws).await.unwrap();
        let (vault, ws) = (self.vault.clone(), self.ws);
        Log::sealed_by(
            ws,
            Box::new(move |stream, seal, field, clear, scope| {
                let key = keys.get(&scope.id).unwrap_or(&other);
                vault.seal(ws, key, (stream, seal), field, clear).unwrap()
            }),
        )
    }

    /// Writes events as commits of these sizes, over and over; answers them as they stand in the log.
    pub async fn append(&self, events: &[StoredEvent], sizes: &[usize]) -> Vec<StoredEvent> {
        let (mut rest, mut sizes, mut written) = (events, sizes.iter().cycle(), Vec::new());
        let mut connection = self.pool.acquire().await.unwrap();
        while !rest.is_empty() {
            let (now, later) = rest.split_at((*sizes.next().unwrap()).clamp(1, rest.len()));
            let mut batch = AppendBatch::default();
            for event in now {
                batch.command(event.command, [0; 32]);
                let stored = StoredEvent { ws: self.ws, ..event.clone() };
                let occurred_at = Some(event.occurred_at);
                batch.event(PendingEvent { stored, occurred_at, directory: false }).unwrap();
            }
            let base = Head::EMPTY.into();
            let outcome =
                append(&mut connection, self.ws, Uuid::nil(), &base, &batch).await.unwrap();
            let Appended::Written(head) = outcome else { panic!("not written: {outcome:?}") };
            written.extend(batch.into_written(&head));
            rest = later;
        }
        written
    }

    pub fn projector(&self, projection: ProjectionType) -> Projector {
        let reader = LogReader::new(self.pool.clone());
        let parts = ProjectorParts {
            source: LogSource::new(reader, RecentCommits::default()),
            pool: self.pool.clone(),
            vault: Some(self.vault.clone()),
        };
        Projector::new(parts, projection, self.ws)
    }

    /// Folds everything into every view.
    pub async fn catch_up(&self) -> LogPosition {
        let mut last = LogPosition(0);
        for projection in registry() {
            let mut projector = self.projector(projection);
            projector.catch_up().await.unwrap();
            assert!(projector.quarantine().0.is_empty(), "{} left streams out", projection.name);
            last = projector.checkpoint().unwrap().position;
        }
        last
    }

    /// The newest checkpoint of a view.
    pub async fn checkpoint(&self, projection: &ProjectionType) -> i64 {
        sqlx::query_scalar(
            "select coalesce(max(seq), 0) from proj.checkpoint where ws = $1 and schema_name = $2",
        )
        .bind(self.ws.0)
        .bind(projection.schema_name())
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    pub async fn rows<P: Projection>(&self) -> P::Rows {
        read_rows::<P>(&mut self.pool.acquire().await.unwrap(), self.ws).await.unwrap()
    }

    pub async fn remove(self) {
        self.pool.close().await;
        let cluster = local_postgres::scratch::shared_for_tests().unwrap();
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        let sql = format!("drop database {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
}

fn key_file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("master.key")
}
