//! Which node works on which view. A lease only saves work: the checkpoint's primary key is what fences. It is an advisory lock
//! held by one connection per node, which Postgres ends when the node has not been heard on it for a while: a lease ends with
//! its node, whether that has ended, hangs, is paused, or cannot be reached.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use decider::WorkspaceId;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool, Row};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// How long the leases of a node that is not heard any more last.
const LEASE_MS: u64 = 5_000;
/// How often a node makes itself heard.
const BEAT: Duration = Duration::from_secs(1);
/// A connection that takes longer to answer is lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Whether this node may work on a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lease {
    /// It may, as before.
    Held,
    /// It may, from now on. What it knows from before counts no more: somebody else may have worked on it, or a crash of the
    /// database may have taken back what did not wait for the disk.
    Taken,
    /// Another node does.
    Elsewhere,
}

/// Who may work on which view.
#[async_trait]
pub(super) trait KeepLeases: Send + Sync {
    /// Whether this node may work on a view, now or still.
    async fn take(&self, ws: WorkspaceId, schema: &str) -> Result<Lease, sqlx::Error>;

    /// Lets another node work on a view.
    async fn give_back(&self, ws: WorkspaceId, schema: &str);
}

#[async_trait]
impl KeepLeases for Leases {
    async fn take(&self, ws: WorkspaceId, schema: &str) -> Result<Lease, sqlx::Error> {
        Self::take(self, ws, schema).await
    }

    async fn give_back(&self, ws: WorkspaceId, schema: &str) {
        Self::give_back(self, ws, schema).await;
    }
}

/// The leases of one node.
#[derive(Clone)]
pub(super) struct Leases {
    pool: PgPool,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    connection: Option<PgConnection>,
    names: HashSet<String>,
}

impl Leases {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, held: Arc::default() }
    }

    /// Whether this node may work on a view, now or still.
    pub(super) async fn take(&self, ws: WorkspaceId, schema: &str) -> Result<Lease, sqlx::Error> {
        let name = name_of(ws, schema);
        let mut held = self.held.lock().await;
        if held.names.contains(&name) {
            return Ok(Lease::Held);
        }
        let asking = self.ask(held.connection.take(), &name);
        let asked = timeout(ANSWER_WITHIN, asking).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        match asked {
            Ok((connection, granted)) => {
                held.connection = Some(connection);
                if !granted {
                    return Ok(Lease::Elsewhere);
                }
                held.names.insert(name);
                Ok(Lease::Taken)
            }
            Err(error) => {
                held.lose();
                Err(error)
            }
        }
    }

    async fn ask(
        &self,
        connection: Option<PgConnection>,
        name: &str,
    ) -> Result<(PgConnection, bool), sqlx::Error> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options()).await?,
        };
        let query = sqlx::query(include_str!("sql/lease_try.sql")).bind(name);
        let granted = query.fetch_one(&mut connection).await?.try_get(0)?;
        Ok((connection, granted))
    }

    /// Lets another node work on a view.
    pub(super) async fn give_back(&self, ws: WorkspaceId, schema: &str) {
        let name = name_of(ws, schema);
        let mut held = self.held.lock().await;
        if !held.names.remove(&name) {
            return;
        }
        let Some(connection) = held.connection.as_mut() else { return };
        let releasing =
            sqlx::query(include_str!("sql/lease_release.sql")).bind(&name).execute(connection);
        if !matches!(timeout(ANSWER_WITHIN, releasing).await, Ok(Ok(_))) {
            held.lose();
        }
    }

    /// The lease is the session: it ends when nothing is heard of it.
    fn options(&self) -> PgConnectOptions {
        let options = PgConnectOptions::clone(&self.pool.connect_options());
        let options = options.application_name("ledgerdesk leases");
        options.options([("idle_session_timeout", LEASE_MS.to_string())])
    }

    /// Makes the node heard now and then, for as long as it runs.
    pub(super) async fn keep(self) {
        loop {
            sleep(BEAT).await;
            self.check().await;
        }
    }

    /// Makes the node heard; notices that the connection, and every lease with it, is lost.
    async fn check(&self) {
        let mut held = self.held.lock().await;
        let Some(connection) = held.connection.as_mut() else { return };
        if !matches!(timeout(ANSWER_WITHIN, connection.ping()).await, Ok(Ok(()))) {
            held.lose();
        }
    }
}

impl Held {
    fn lose(&mut self) {
        self.connection = None;
        self.names.clear();
    }
}

fn name_of(ws: WorkspaceId, schema: &str) -> String {
    format!("{}/{schema}", ws.0)
}
