//! The database has room for few connections, and others take most of them. Every request is answered or told to come again in
//! time, the server does not stand in its own way, and goes on as soon as there is room.

use std::time::{Duration, Instant};

use reqwest::Method;
use sqlx::{Connection, PgConnection};
use testkit::{Client, OwnPostgres, eventually};
use tokio::task::JoinSet;

use super::chance::Chance;
use super::desk::Desk;
use super::load::{Load, writers};
use super::postgres_away::nothing_is_lost;

const WRITERS: usize = 6;
/// So many connections the database takes.
const CONNECTIONS: usize = 20;
/// So many of them the server may have.
const OURS: usize = 14;
/// So many others hold at the worst: the server is left with hardly half of its share.
const HELD: usize = 11;
const READS: usize = 60;
const READ_WITHIN: Duration = Duration::from_secs(12);

#[tokio::test(flavor = "multi_thread")]
async fn few_connections_and_long_queries_of_others_slow_it_down_and_stop_nothing() {
    let mut chance = Chance::seeded(20_350);
    let connections = CONNECTIONS.to_string();
    let settings =
        [("max_connections", connections.as_str()), ("superuser_reserved_connections", "0")];
    let postgres = tokio::task::block_in_place(|| OwnPostgres::start_with(&settings));
    let url = postgres.url("ledgerdesk");
    let desk = Desk::on_few(&url, OURS).await;
    let client = desk.client();
    let load = Load::start(writers(WRITERS, &mut chance), &client);
    load.gauge.wait_for_accepted(40).await;

    // As many as there are at once: more than the server may have connections for.
    let paths = ["/api/v1/tickets/1", "/api/v1/tickets/1/thread", "/api/v1/views/open/tickets"];
    let reads = || paths.iter().cycle().take(READS).map(|path| in_time(&client, path));
    futures_util::future::join_all(reads()).await;
    load.gauge.wait_for_accepted(40).await;

    // Others take what they can get, and keep it.
    let holders = hold(&url).await;
    assert!(holders.len() > CONNECTIONS - OURS, "{} are held", holders.len());
    futures_util::future::join_all(reads()).await;
    holders.join_all().await;
    load.gauge.wait_for_accepted(40).await;
    let writers = load.stop().await;
    nothing_is_lost(&desk, writers).await;
    for path in paths {
        client.get(path).await.ok();
    }
    eventually("the server is ready", || async {
        client.get("/readyz").await.status.is_success().then_some(())
    })
    .await;
}

/// Takes the server's connections away and puts others in their place, each with a long query.
async fn hold(url: &str) -> JoinSet<()> {
    let (mut held, deadline) = (JoinSet::new(), Instant::now() + Duration::from_secs(10));
    while held.len() < HELD && Instant::now() < deadline {
        let Ok(mut connection) = PgConnection::connect(url).await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        if held.len() < HELD / 2 {
            let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'ledgerdesk%'";
            sqlx::query(end).execute(&mut connection).await.unwrap();
        }
        held.spawn(async move {
            drop(sqlx::query("select pg_sleep(5)").execute(&mut connection).await);
        });
    }
    held
}

async fn in_time(client: &Client, path: &str) {
    let started = Instant::now();
    let answer = client.send(client.request(Method::GET, path)).await;
    let took = started.elapsed();
    assert!(took < READ_WITHIN, "{path} took {took:?}: {}", answer.text());
    if !answer.status.is_success() {
        assert!(answer.header("retry-after").is_some(), "{path}: {answer:?}");
        answer.status(503);
    }
}
