//! One server works on a view, and it may hang, be paused or die at any moment: another one takes over, and whoever comes back
//! late changes nothing.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use testkit::{Client, Ticket, eventually};

use super::cluster::Cluster;

const ALL: [usize; 3] = [0, 1, 2];
/// How long the lease of a server that is not heard lasts, and what the others may take to notice.
const LEASE: Duration = Duration::from_secs(5);
const NOTICED_WITHIN: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn the_views_of_a_server_that_dies_or_hangs_are_taken_over_and_it_comes_back_fenced() {
    let mut cluster = Cluster::start(3).await;
    let ticket = cluster.client(0).open_ticket("Printer on fire").await;

    // Killed: its connections end with it.
    let owner = cluster.owner_of("inbox", &ALL).await;
    let others = others(owner);
    cluster.kill(owner);
    let killed = Instant::now();
    shows_in_the_view(&cluster, others[0], &ticket, "after the kill").await;
    assert!(killed.elapsed() < LEASE, "it took {:?}", killed.elapsed());
    cluster.serve(owner);

    // Paused with nothing to do: the lease runs out.
    let owner = cluster.owner_of("inbox", &ALL).await;
    let others = self::others(owner);
    cluster.signal(owner, "STOP");
    let paused = Instant::now();
    shows_in_the_view(&cluster, others[0], &ticket, "while it is paused").await;
    assert!(paused.elapsed() < LEASE + NOTICED_WITHIN, "it took {:?}", paused.elapsed());
    // The others go on before it knows that it is not the owner any more.
    shows_in_the_view(&cluster, others[1], &ticket, "once more").await;
    cluster.signal(owner, "CONT");
    shows_in_the_view(&cluster, owner, &ticket, "after it came back").await;
    stands_by(&cluster, owner).await;
    cluster.verify();
    cluster.rows_are_the_fold().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_in_the_middle_of_a_batch_holds_nobody_up_for_long() {
    let mut cluster = Cluster::start(3).await;
    let ticket = cluster.client(0).open_ticket("Printer on fire").await;
    cluster.caught_up().await;
    let owner = cluster.owner_of("inbox", &ALL).await;
    let others = others(owner);

    // Whoever holds the table keeps the batch from ending: its checkpoint is inserted, its rows are not.
    let mut holder = cluster.database().await;
    let mut hold = holder.begin().await.unwrap();
    let table = format!("lock table {} in share mode", inbox_table(&mut hold).await);
    sqlx::query(AssertSqlSafe(table)).execute(&mut *hold).await.unwrap();
    rename(&cluster.client(others[0]), &ticket, "in the middle of a batch").await;
    waits_for(&cluster, "relation").await;
    cluster.signal(owner, "STOP");
    hold.rollback().await.unwrap();

    shows_in_the_view(&cluster, others[0], &ticket, "without it").await;
    shows_in_the_view(&cluster, others[1], &ticket, "once more without it").await;
    cluster.signal(owner, "CONT");
    shows_in_the_view(&cluster, owner, &ticket, "after it came back").await;
    stands_by(&cluster, owner).await;
    cluster.rows_are_the_fold().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_in_the_middle_of_an_append_keeps_nobody_from_writing() {
    let cluster = Cluster::start(2).await;
    let (one, other) = (cluster.client(0), cluster.client(1));
    let ticket = one.open_ticket("Printer on fire").await;
    other.ticket(&ticket).await;
    rename(&other, &ticket, "known to the other one too").await;
    rename(&one, &ticket, "and to the first again").await;

    // Whoever holds the log's lock keeps the append in the database.
    let mut holder = cluster.database().await;
    locks_the_log(&mut holder, "pg_advisory_lock").await;
    let renaming = tokio::spawn({
        let (one, path) = (one.clone(), ticket.at(""));
        async move { one.patch(&path, json!({ "name": "while it was paused" })).await.ok() }
    });
    waits_for(&cluster, "advisory").await;
    cluster.signal(0, "STOP");
    locks_the_log(&mut holder, "pg_advisory_unlock").await;

    // What was on its way is written without it; the other one decides on top of that.
    let named = eventually("the append is written", || async {
        let shown = other.ticket(&ticket).await;
        (shown["version"] == 4).then_some(shown["name"].clone())
    })
    .await;
    assert_eq!(named, "while it was paused");
    let body = json!({ "priority": "urgent" });
    assert_eq!(other.patch(&ticket.at(""), body.clone()).await.ok()["version"], 5);
    cluster.signal(0, "CONT");
    assert_eq!(renaming.await.unwrap()["version"], 4);
    // What it remembers is old by now: what changes nothing changes nothing, and what it refuses is so.
    assert_eq!(one.patch(&ticket.at(""), body).await.ok()["version"], 5);
    let stale = [("if-match", "\"4\"")];
    let calm = json!({ "priority": "low" });
    let answer = one.write_with(reqwest::Method::PATCH, &ticket.at(""), calm, &stale).await;
    assert_eq!(answer.status(409)["current_version"], 5);
    cluster.verify();
}

fn others(node: usize) -> Vec<usize> {
    ALL.into_iter().filter(|other| *other != node).collect()
}

async fn rename(client: &Client, ticket: &Ticket, name: &str) {
    client.patch(&ticket.at(""), json!({ "name": name })).await.ok();
}

/// Gives the ticket a name, and waits until the list has it.
async fn shows_in_the_view(cluster: &Cluster, node: usize, ticket: &Ticket, name: &str) {
    let client = cluster.client(node);
    rename(&client, ticket, name).await;
    eventually(&format!("the view says: {name}"), || async {
        (client.view("open").await == [name]).then_some(())
    })
    .await;
}

/// It has noticed that another server works on the view.
async fn stands_by(cluster: &Cluster, node: usize) {
    eventually("it stands by", || async {
        // For a moment it may say that it is not ready: connections of its were ended.
        let ready = cluster.client(node).get("/readyz").await.json;
        let views = ready["views"].as_array().unwrap();
        let inbox = views.iter().find(|view| view["name"] == "inbox").unwrap();
        (inbox["state"] == "standby").then_some(())
    })
    .await;
}

async fn inbox_table(database: &mut PgConnection) -> String {
    let found = "select format('%I.%I', b.schema_name, t.tablename) from proj.build b
                   join pg_tables t on t.schemaname = b.schema_name
                  where b.name = 'inbox' and t.tablename like '%ticket%' order by length(t.tablename)";
    sqlx::query(found).fetch_all(database).await.unwrap()[0].get(0)
}

/// Waits until one of the servers waits for a lock of this kind.
async fn waits_for(cluster: &Cluster, event: &str) {
    let mut looker = cluster.database().await;
    let deadline = Instant::now() + Duration::from_secs(30);
    let waiting = "select count(*) from pg_locks where not granted and locktype = $1
                      and database = (select oid from pg_database where datname = current_database())";
    loop {
        let row = sqlx::query(waiting).bind(event).fetch_one(&mut looker).await.unwrap();
        if row.get::<i64, _>(0) > 0 {
            return;
        }
        assert!(Instant::now() < deadline, "nobody waits for {event}");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn locks_the_log(database: &mut PgConnection, function: &str) {
    let statement = format!("select {function}(hashtextextended(ws::text, 7)) from es.workspace");
    sqlx::query(AssertSqlSafe(statement)).execute(database).await.unwrap();
}
