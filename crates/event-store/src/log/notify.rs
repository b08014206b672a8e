//! Telling other nodes that the log has grown, and hearing it from them.
//!
//! A notice only shortens the wait: whoever misses one finds the commit with the next poll. It is never part of an append,
//! which it would slow down several times over, but follows it on a connection of its own, many commits at a time.

use std::time::Duration;

use decider::{LogPosition, WorkspaceId};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::follow::RecentCommits;

/// The channel of the notices.
pub const CHANNEL: &str = "ledgerdesk";
/// The least time between two statements that tell.
const TELL_EVERY: Duration = Duration::from_millis(5);
/// How long telling may take before the connection is given up.
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// How long a process that ends waits for it.
const TELL_REST_WITHIN: Duration = Duration::from_secs(1);
/// A connection on which nothing was heard for so long is asked whether it lives.
const SILENT_MAX: Duration = Duration::from_secs(15);
/// The first pause after a lost connection, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Tells other nodes what `recent` learns from this process, and `recent` what other nodes tell, on two connections of their
/// own, until `shutdown` says true or its sender is gone.
#[must_use = "the task can be awaited after the shutdown"]
pub fn spawn(
    options: PgConnectOptions,
    recent: RecentCommits,
    mut shutdown: watch::Receiver<bool>,
) -> JoinHandle<()> {
    // Telling needs no flush to disk: a notice that a crash swallows is only late.
    let options =
        options.application_name("ledgerdesk notices").options([("synchronous_commit", "off")]);
    tokio::spawn(async move {
        tokio::select! {
            () = tell(&options, &recent) => {}
            () = listen(&options, &recent) => {}
            _ = shutdown.wait_for(|stop| *stop) => {}
        }
    })
}

/// Tells other nodes what they have not been told yet: for a process that wrote something and ends.
pub async fn tell_rest(pool: &PgPool, recent: &RecentCommits) {
    let untold = recent.take_untold();
    if untold.is_empty() {
        return;
    }
    let telling = async { notice(&mut *pool.acquire().await?, &untold).await };
    if let Err(error) =
        timeout(TELL_REST_WITHIN, telling).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    {
        tracing::debug!(error = &error as &dyn std::error::Error, "other nodes could not be told");
    }
}

async fn tell(options: &PgConnectOptions, recent: &RecentCommits) {
    let mut connection = None;
    let mut pause = PAUSES.0;
    loop {
        let untold = recent.untold().await;
        let telling = tell_once(options, &mut connection, &untold);
        let told = timeout(TELL_WITHIN, telling).await.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        match told {
            Ok(()) => {
                pause = PAUSES.0;
                sleep(TELL_EVERY).await;
            }
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "other nodes could not be told"
                );
                connection = None;
                recent.tell(untold);
                sleep(pause).await;
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

async fn tell_once(
    options: &PgConnectOptions,
    slot: &mut Option<PgConnection>,
    untold: &[(WorkspaceId, LogPosition)],
) -> Result<(), sqlx::Error> {
    let connection = match slot {
        Some(connection) => connection,
        None => slot.insert(PgConnection::connect_with(options).await?),
    };
    notice(connection, untold).await
}

async fn notice(
    connection: &mut PgConnection,
    untold: &[(WorkspaceId, LogPosition)],
) -> Result<(), sqlx::Error> {
    let payloads: Vec<String> =
        untold.iter().map(|(ws, position)| format!("{} {}", ws.0, position.0)).collect();
    sqlx::query("select pg_notify($1, u.payload) from unnest($2::text[]) as u(payload)")
        .bind(CHANNEL)
        .bind(payloads)
        .execute(connection)
        .await?;
    Ok(())
}

async fn listen(options: &PgConnectOptions, recent: &RecentCommits) {
    let mut pause = PAUSES.0;
    loop {
        let mut heard = false;
        if let Err(error) = listen_once(options, recent, &mut heard).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "other nodes cannot be heard"
            );
        }
        pause = if heard { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
        sleep(pause).await;
    }
}

/// Listens until the connection is lost and cannot be made again at once.
async fn listen_once(
    options: &PgConnectOptions,
    recent: &RecentCommits,
    heard: &mut bool,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_with(options.clone())
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    loop {
        let Ok(notice) = timeout(SILENT_MAX, listener.recv()).await else {
            // Nobody wrote, or the connection is dead and does not say so.
            let alive = timeout(TELL_WITHIN, sqlx::query("select 1").execute(&mut listener)).await;
            alive.unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
            continue;
        };
        let notice = notice?;
        *heard = true;
        // Anybody with a connection may write to the channel: what is no notice is passed over.
        if let Some((ws, position)) = parse(notice.payload()) {
            recent.rumour(ws, position);
        }
    }
}

fn parse(payload: &str) -> Option<(WorkspaceId, LogPosition)> {
    let (ws, position) = payload.split_once(' ')?;
    let position: i64 = position.parse().ok()?;
    Some((WorkspaceId(Uuid::parse_str(ws).ok()?), LogPosition(u64::try_from(position).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_workspace_and_a_position_are_a_notice() {
        let ws = Uuid::from_u128(5);
        let parsed = parse(&format!("{ws} 17"));
        assert_eq!(parsed, Some((WorkspaceId(ws), LogPosition(17))));
        for other in ["", "17", "x 17", &format!("{ws} -1"), &format!("{ws} 1 2"), &format!("{ws}")]
        {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
