//! A log that is set back beneath running nodes: by a backup in its place, or by its owner. Nobody goes on as if nothing had happened.

use std::time::{Duration, Instant};

use event_store::handler::HandleError;
use event_store::log::{LogError, LogReader, RecentCommits, watch_over};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::watch;
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, Node};

/// A node whose log is compared with what it has seen of it.
async fn watched(database: &Database, stop: &watch::Sender<bool>) -> (Node, RecentCommits) {
    let recent = RecentCommits::default();
    let reader = LogReader::new(database.pool.clone());
    drop(watch_over(reader, recent.clone(), stop.subscribe()));
    let pool = database.pool.clone();
    let node = database.node_with(pool.clone(), pool, recent.clone()).await;
    (node, recent)
}

async fn until_rewound(node: &Node, recent: &RecentCommits) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !recent.continuity().is_rewound(node.ws) {
        assert!(Instant::now() < deadline, "nobody noticed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Somebody cuts off everything after a commit.
async fn set_back(database: &Database, commit: i64) {
    let mut owner = database.pool.begin().await.unwrap();
    for statement in [
        "delete from es.event where pos > (select last_pos from es.commit where no = $1)",
        "delete from es.command where no > $1",
        "delete from es.claim where no > $1",
        "delete from es.commit where no > $1",
    ] {
        sqlx::query(statement).bind(commit).execute(&mut *owner).await.unwrap();
    }
    owner.commit().await.unwrap();
}

async fn account(node: &Node) -> Uuid {
    let id = Uuid::now_v7();
    node.send(Bank::open(id, &id.to_string())).await.unwrap();
    id
}

async fn deposits(node: &Node, id: Uuid, count: usize) {
    for _ in 0..count {
        node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    }
}

async fn is_refused(node: &Node, id: Uuid) {
    let refused = node.send(Bank::Deposit { id, amount: 1 }).await;
    assert!(matches!(refused, Err(HandleError::Rewound)), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_appends_nothing_to_a_log_that_is_shorter_than_it_has_seen() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = account(&node).await;
    deposits(&node, id, 5).await;
    set_back(&database, 3).await;
    // Nobody has told it yet: the append does.
    is_refused(&node, id).await;
    is_refused(&node, id).await;
    let head = node.handler.reader().head(database.ws).await.unwrap();
    assert_eq!(head.commit, 3);
    // A node that starts now knows nothing else.
    deposits(&database.node().await, id, 1).await;
    is_refused(&node, id).await;
    assert_eq!(database.verify().await.findings, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_node_notices_that_the_log_went_back_and_on_without_it() {
    for regrown in [2, 3, 9] {
        let database = Database::new().await;
        let (stop, _) = watch::channel(false);
        let (node, recent) = watched(&database, &stop).await;
        let id = account(&node).await;
        deposits(&node, id, 5).await;
        // Shorter than before, just as long, longer: only the hashes tell.
        set_back(&database, 3).await;
        deposits(&database.node().await, id, regrown).await;
        until_rewound(&node, &recent).await;
        is_refused(&node, id).await;
        assert_eq!(recent.continuity().rewound().len(), 1);
        stop.send_replace(true);
        database.remove().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_on_a_log_that_went_back_unseen_is_noticed_all_the_same() {
    let database = Database::new().await;
    let (stop, _) = watch::channel(false);
    let (node, recent) = watched(&database, &stop).await;
    let id = account(&node).await;
    deposits(&node, id, 5).await;
    let owner = database.node().await;
    set_back(&database, 3).await;
    deposits(&owner, id, 3).await;
    // Just as long as it was: by number alone it looks the same.
    let written = node.send(Bank::Deposit { id, amount: 1 }).await;
    assert!(matches!(written, Ok(_) | Err(HandleError::Rewound)), "{written:?}");
    until_rewound(&node, &recent).await;
    is_refused(&node, id).await;
    stop.send_replace(true);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_put_in_the_place_of_the_running_database_is_noticed() {
    let database = Database::new().await;
    let id = account(&database.node().await).await;
    let cluster = local_postgres::scratch::shared_for_tests().unwrap();
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.unwrap();
    let name = database.pool.connect_options().get_database().unwrap().to_owned();
    let backup = format!("{name}_backup");
    without_connections(&mut admin, &name, &format!("create database {backup} template {name}"))
        .await;
    let (stop, _) = watch::channel(false);
    let (node, recent) = watched(&database, &stop).await;
    deposits(&node, id, 5).await;
    let seen = node.handler.reader().head(database.ws).await.unwrap();
    without_connections(&mut admin, &name, &format!("alter database {name} rename to {name}_lost"))
        .await;
    without_connections(&mut admin, &backup, &format!("alter database {backup} rename to {name}"))
        .await;
    until_rewound(&node, &recent).await;
    is_refused(&node, id).await;
    let reader = node.handler.reader();
    let link = reader.continues(database.ws, seen.commit, &seen.hash).await;
    assert!(matches!(link, Err(LogError::Rewound { commit }) if commit == seen.commit), "{link:?}");
    let now = reader.head(database.ws).await.unwrap();
    reader.continues(database.ws, now.commit, &now.hash).await.unwrap();
    assert_eq!(now.commit, 1);
    stop.send_replace(true);
    database.remove().await;
    without_connections(&mut admin, &format!("{name}_lost"), &format!("drop database {name}_lost"))
        .await;
}

/// Runs a statement that nobody may be connected for.
async fn without_connections(admin: &mut PgConnection, database: &str, statement: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        sqlx::query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1")
            .bind(database)
            .execute(&mut *admin)
            .await
            .unwrap();
        match sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut *admin).await {
            Ok(_) => return,
            Err(error) => assert!(Instant::now() < deadline, "{statement}: {error}"),
        }
    }
}
