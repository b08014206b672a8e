//! One at a time rebuilds or verifies a view, on whatever node. The claim is an advisory lock of a session that ends with its
//! process, so what was cut off can be taken up at once.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection, PgPool, Row};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long the claim of a process that is not heard any more lasts.
const SILENCE_MS: u64 = 20_000;
/// How often it makes itself heard.
const BEAT: Duration = Duration::from_secs(2);
/// A connection that takes longer to answer is lost.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The right to build a view, until it is dropped.
pub(super) struct Claim {
    beats: JoinHandle<()>,
}

impl Claim {
    /// Takes it; none when somebody else has it.
    pub(super) async fn take(pool: &PgPool, name: &str) -> Result<Option<Self>, sqlx::Error> {
        let options = PgConnectOptions::clone(&pool.connect_options())
            .application_name("ledgerdesk rebuild")
            .options([("idle_session_timeout", SILENCE_MS.to_string())]);
        let mut connection = PgConnection::connect_with(&options).await?;
        let granted: bool = sqlx::query(include_str!("../sql/lease_try.sql"))
            .bind(format!("rebuild of {name}"))
            .fetch_one(&mut connection)
            .await?
            .try_get(0)?;
        if !granted {
            connection.close().await.ok();
            return Ok(None);
        }
        Ok(Some(Self { beats: tokio::spawn(beat(connection)) }))
    }

    /// Whether the session still lives.
    pub(super) fn is_held(&self) -> bool {
        !self.beats.is_finished()
    }

    /// Lets somebody else have it, and waits for that.
    pub(super) async fn give_back(mut self) {
        self.beats.abort();
        // Its end closes the connection, and with it the session.
        let _ = (&mut self.beats).await;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.beats.abort();
    }
}

async fn beat(mut connection: PgConnection) {
    loop {
        sleep(BEAT).await;
        if !matches!(timeout(ANSWER_WITHIN, connection.ping()).await, Ok(Ok(()))) {
            return;
        }
    }
}
