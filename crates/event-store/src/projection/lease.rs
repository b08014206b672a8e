//! Which node works on which view. A lease only saves work: the checkpoint's primary key is what fences. It is an advisory lock
//! held by one connection per node, which Postgres ends when the node has not been heard on it for a while: a lease ends with
//! its node, whether that has ended, hangs, is paused, or cannot be reached.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

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
    pub(super) async fn take(&self, ws: WorkspaceId, schema: &str) -> Result<bool, sqlx::Error> {
        let name = name_of(ws, schema);
        let mut held = self.held.lock().await;
        if held.names.contains(&name) {
            return Ok(true);
        }
        let connection = match held.connection.take() {
            Some(connection) => connection,
            None => PgConnection::connect_with(&self.options()).await?,
        };
        let connection = held.connection.insert(connection);
        let row =
            sqlx::query(include_str!("sql/lease_try.sql")).bind(&name).fetch_one(connection).await;
        let granted = match row {
            Ok(row) => row.try_get(0)?,
            Err(error) => {
                held.lose();
                return Err(error);
            }
        };
        if granted {
            held.names.insert(name);
        }
        Ok(granted)
    }

    /// Lets another node work on a view.
    pub(super) async fn give_back(&self, ws: WorkspaceId, schema: &str) {
        let name = name_of(ws, schema);
        let mut held = self.held.lock().await;
        if !held.names.remove(&name) {
            return;
        }
        let Some(connection) = held.connection.as_mut() else { return };
        let released = sqlx::query(include_str!("sql/lease_release.sql"))
            .bind(&name)
            .execute(connection)
            .await;
        if released.is_err() {
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
