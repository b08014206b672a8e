//! A database of its own for each test, with a log that events are appended to directly.

use std::collections::HashMap;

use decider::{Actor, CommandId, EventContext, LogPosition, StoredEvent, Timestamp, WorkspaceId};
use event_store::log::{
    AppendBatch, Appended, Commit, Head, LogReader, PendingEvent, RecentCommits, append,
};
use event_store::migrate::migrate;
use event_store::projection::{
    LogSource, Projection, ProjectionType, Projector, ProjectorParts, prepare, read_rows,
};
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use uuid::Uuid;

use crate::toy::{Toy, ToyEvent};

/// One test's database.
pub struct Database {
    pub ws: WorkspaceId,
    pub pool: PgPool,
    pub recent: RecentCommits,
    name: String,
    versions: HashMap<Uuid, u32>,
}

/// An event on its way into the log: stream, type, payload.
pub type Raw = (Uuid, &'static str, Vec<u8>);

/// A toy event as it is stored.
pub fn raw(stream: u128, event: &ToyEvent) -> Raw {
    (Uuid::from_u128(stream), "Toy", serde_json::to_vec(event).unwrap())
}

impl Database {
    pub async fn new() -> Self {
        let cluster = tokio::task::spawn_blocking(local_postgres::scratch::shared_for_tests)
            .await
            .unwrap()
            .unwrap();
        let name = format!("projection_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut admin)
            .await
            .unwrap();
        let mut owner = PgConnection::connect(&cluster.url(&name)).await.unwrap();
        migrate(&mut owner, &[vault::MIGRATIONS]).await.unwrap();
        let pool =
            PgPoolOptions::new().max_connections(8).connect(&cluster.url(&name)).await.unwrap();
        let projections = [ProjectionType::of::<Toy<false>>(), ProjectionType::of::<Toy<true>>()];
        prepare(&pool, &projections).await.unwrap();
        let mut database = Self {
            ws: WorkspaceId(Uuid::nil()),
            pool,
            recent: RecentCommits::default(),
            name,
            versions: HashMap::new(),
        };
        database.new_workspace().await;
        database
    }

    /// Another workspace, with an empty log.
    pub async fn new_workspace(&mut self) {
        self.ws = WorkspaceId(Uuid::now_v7());
        self.versions.clear();
        sqlx::query("select es.open_workspace($1)")
            .bind(self.ws.0)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// Writes one commit, and answers it as a node would remember it.
    pub async fn commit(&mut self, events: &[Raw]) -> (Commit, Vec<StoredEvent>) {
        let mut batch = AppendBatch::default();
        let command = CommandId(Uuid::new_v4());
        batch.command(command, [0; 32]);
        for (ordinal, (stream, type_name, payload)) in (0..).zip(events) {
            let version = self.versions.entry(*stream).or_default();
            *version += 1;
            let stored = StoredEvent {
                ws: self.ws,
                position: LogPosition(0),
                at: Timestamp::default(),
                occurred_at: Timestamp::default(),
                stream: *stream,
                version: *version,
                kind: "box".to_owned(),
                type_name: (*type_name).to_owned(),
                schema_version: 1,
                command,
                actor: Actor::SYSTEM,
                context: EventContext { ordinal, ..EventContext::default() },
                payload: payload.clone(),
            };
            batch.event(PendingEvent { stored, occurred_at: None, directory: false }).unwrap();
        }
        let mut connection = self.pool.acquire().await.unwrap();
        let written = append(&mut connection, self.ws, Uuid::nil(), &Head::EMPTY.into(), &batch)
            .await
            .unwrap();
        let Appended::Written(head) = written else { panic!("not written: {written:?}") };
        let stored = batch.into_written(&head);
        let first_pos = head.position.0 + 1 - stored.len() as u64;
        let commit = Commit {
            no: head.commit,
            first_pos,
            last_pos: head.position.0,
            at: head.at,
            hash: head.hash,
        };
        (commit, stored)
    }

    /// Writes one commit, and remembers it as the node that wrote it.
    pub async fn commit_here(&mut self, events: &[Raw]) {
        let (commit, stored) = self.commit(events).await;
        self.recent.publish(self.ws, commit, stored.into());
    }

    pub fn parts(&self) -> ProjectorParts {
        ProjectorParts {
            source: LogSource::new(LogReader::new(self.pool.clone()), self.recent.clone()),
            pool: self.pool.clone(),
            vault: None,
        }
    }

    pub fn projector(&self) -> Projector {
        Projector::new(self.parts(), ProjectionType::of::<Toy<false>>(), self.ws)
    }

    pub async fn rows<P: Projection>(&self) -> P::Rows {
        read_rows::<P>(&mut self.pool.acquire().await.unwrap(), self.ws).await.unwrap()
    }

    pub async fn run(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    /// The streams that are left out, with their reasons.
    pub async fn quarantined(&self) -> Vec<(Uuid, i64, String)> {
        sqlx::query_as("select stream, pos, error from proj.quarantine where ws = $1 order by pos")
            .bind(self.ws.0)
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn remove(self) {
        self.pool.close().await;
        let cluster = local_postgres::scratch::shared_for_tests().unwrap();
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
        let sql = format!("drop database {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.unwrap();
    }
}
