//! Notices between nodes: they shorten the wait, and nothing depends on them.

use std::time::{Duration, Instant};

use decider::LogPosition;
use event_store::log::{RecentCommits, notify};
use sqlx::postgres::{PgConnectOptions, PgListener};
use tokio::sync::watch;
use uuid::Uuid;

use crate::bank::{Bank, Rules};
use crate::database::{Database, Node};

/// A node that tells and listens.
async fn node(database: &Database, stop: &watch::Sender<bool>) -> (Node, RecentCommits) {
    let recent = RecentCommits::default();
    let options: PgConnectOptions = database.url.parse().unwrap();
    drop(notify::spawn(options, recent.clone(), stop.subscribe()));
    let pool = database.pool.clone();
    let node = database.node_with(pool.clone(), pool, recent.clone()).await;
    node.handler.ready(database.ws).await.unwrap();
    (node, recent)
}

async fn until_listening(database: &Database, count: usize) -> Vec<i32> {
    until_others_listen(database, count, &[]).await
}

/// Waits until so many connections listen beside these.
async fn until_others_listen(database: &Database, count: usize, gone: &[i32]) -> Vec<i32> {
    for _ in 0..1_000 {
        let listening: Vec<i32> = sqlx::query_scalar(
            "select pid from pg_stat_activity where datname = current_database()
                and application_name = 'ledgerdesk notices' and query ilike 'listen%' and pid <> all($1)",
        )
        .bind(gone)
        .fetch_all(&database.pool)
        .await
        .unwrap();
        if listening.len() >= count {
            return listening;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens");
}

/// How long until a node knows a limit that another one has set.
async fn until_known(node: &Node, limit: i64) -> Duration {
    let started = Instant::now();
    while node.handler.directory::<Rules>(node.ws).limit != limit {
        assert!(started.elapsed() < Duration::from_secs(5), "the poll alone is enough");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    started.elapsed()
}

async fn median_wait(one: &Node, two: &Node, limits: std::ops::Range<i64>) -> Duration {
    let mut waits = Vec::new();
    for limit in limits {
        one.send(Bank::SetLimit { limit }).await.unwrap();
        waits.push(until_known(two, limit).await);
    }
    waits.sort_unstable();
    waits[waits.len() / 2]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_node_writes_another_hears_at_once_and_again_after_lost_connections() {
    let database = Database::new().await;
    let (stop, _) = watch::channel(false);
    let (one, _) = node(&database, &stop).await;
    let (two, recent) = node(&database, &stop).await;
    let listening = until_listening(&database, 2).await;
    let wait = median_wait(&one, &two, 1..8).await;
    assert!(wait < Duration::from_millis(200), "{wait:?}");
    assert!(recent.follow(two.ws).borrow().0 >= 7);
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()
            and application_name = 'ledgerdesk notices'",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    // Notices are lost now: the poll finds what they would have told.
    one.send(Bank::SetLimit { limit: 100 }).await.unwrap();
    until_known(&two, 100).await;
    until_others_listen(&database, 2, &listening).await;
    let wait = median_wait(&one, &two, 101..108).await;
    assert!(wait < Duration::from_millis(200), "{wait:?}");
    stop.send_replace(true);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_notices_the_poll_is_enough() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    two.handler.ready(database.ws).await.unwrap();
    for limit in 1..4 {
        one.send(Bank::SetLimit { limit }).await.unwrap();
        until_known(&two, limit).await;
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubled_late_and_senseless_notices_change_nothing() {
    let database = Database::new().await;
    let (stop, _) = watch::channel(false);
    let (one, _) = node(&database, &stop).await;
    let (two, recent) = node(&database, &stop).await;
    until_listening(&database, 2).await;
    for limit in 1..4 {
        one.send(Bank::SetLimit { limit }).await.unwrap();
        until_known(&two, limit).await;
    }
    let ws = database.ws.0;
    for payload in [
        format!("{ws} 3"),
        format!("{ws} 3"),
        format!("{ws} 1"),
        format!("{ws} -1"),
        format!("{ws} 99999999999999999999"),
        format!("{} 5", Uuid::now_v7()),
        "nonsense".to_owned(),
        String::new(),
        // Notices come in the order in which they are told: once this one is heard, the others have been.
        format!("{ws} 4"),
    ] {
        sqlx::query("select pg_notify('ledgerdesk', $1)")
            .bind(payload)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    let mut heard = recent.follow(two.ws);
    let four = heard.wait_for(|position| *position >= LogPosition(4));
    let four = tokio::time::timeout(Duration::from_secs(20), four).await.unwrap();
    assert_eq!(*four.unwrap(), LogPosition(4));
    // Far too new: nothing is believed but the log.
    sqlx::query("select pg_notify('ledgerdesk', $1)")
        .bind(format!("{ws} {}", i64::MAX))
        .execute(&database.pool)
        .await
        .unwrap();
    one.send(Bank::SetLimit { limit: 50 }).await.unwrap();
    until_known(&two, 50).await;
    two.send(Bank::SetLimit { limit: 51 }).await.unwrap();
    until_known(&one, 51).await;
    assert_eq!(database.verify().await.findings, []);
    stop.send_replace(true);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_are_told_in_few_notices_and_the_last_is_the_newest() {
    let database = Database::new().await;
    let (stop, _) = watch::channel(false);
    let (one, _) = node(&database, &stop).await;
    let mut listener = PgListener::connect(&database.url).await.unwrap();
    listener.listen(notify::CHANNEL).await.unwrap();
    let id = Uuid::now_v7();
    let started = Instant::now();
    one.send(Bank::open(id, "a")).await.unwrap();
    for _ in 0..300 {
        one.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    }
    let took = started.elapsed();
    let mut notices = Vec::new();
    while let Ok(notice) = tokio::time::timeout(Duration::from_millis(300), listener.recv()).await {
        notices.push(notice.unwrap().payload().to_owned());
    }
    assert_eq!(notices.last().unwrap(), &format!("{} 301", database.ws.0));
    let most = took.as_millis() / 5 + 5;
    assert!(notices.len() as u128 <= most, "{} notices in {took:?}", notices.len());
    stop.send_replace(true);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_tells_what_it_wrote() {
    let database = Database::new().await;
    let mut listener = PgListener::connect(&database.url).await.unwrap();
    listener.listen(notify::CHANNEL).await.unwrap();
    let recent = RecentCommits::default();
    let pool = database.pool.clone();
    let node = database.node_with(pool.clone(), pool.clone(), recent.clone()).await;
    for limit in 1..4 {
        node.send(Bank::SetLimit { limit }).await.unwrap();
    }
    notify::tell_rest(&pool, &recent).await;
    let notice = tokio::time::timeout(Duration::from_secs(5), listener.recv());
    let notice = notice.await.unwrap().unwrap();
    assert_eq!(notice.payload(), format!("{} 3", database.ws.0));
    // Nothing is told twice.
    notify::tell_rest(&pool, &recent).await;
    sqlx::query("select pg_notify($1, 'end')").bind(notify::CHANNEL).execute(&pool).await.unwrap();
    assert_eq!(listener.recv().await.unwrap().payload(), "end");
    database.remove().await;
}
