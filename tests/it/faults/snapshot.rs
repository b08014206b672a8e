//! Somebody reads for minutes and holds an old state of the database for it, a dump or a report. Writing goes on as before, since
//! the log and the checkpoints are only ever inserted: nothing dead piles up that could not be cleared away meanwhile.

use sqlx::{Connection, PgConnection, Row};
use testkit::eventually;

use super::chance::Chance;
use super::check;
use super::desk::Desk;
use super::load::{Load, writers};

const WRITERS: usize = 4;
const REQUESTS: u64 = 150;

/// How many rows of the log and of the views' checkpoints were changed, removed, or died since there is a database.
async fn worn(connection: &mut PgConnection) -> (i64, i64) {
    let row = sqlx::query(
        "select coalesce(sum(n_tup_upd + n_tup_del) filter (where schemaname = 'es'), 0)::bigint as log,
                coalesce(sum(n_tup_upd) filter (where relname = 'checkpoint'), 0)::bigint as checkpoints
           from pg_stat_user_tables where schemaname in ('es', 'proj')",
    )
    .fetch_one(connection)
    .await
    .unwrap();
    (row.get("log"), row.get("checkpoints"))
}

async fn inserted(connection: &mut PgConnection) -> i64 {
    let sum = "select coalesce(sum(n_tup_ins), 0)::bigint from pg_stat_user_tables where relid = 'es.event'::regclass";
    sqlx::query(sum).fetch_one(connection).await.unwrap().get(0)
}

/// The age of the oldest snapshot, as the metrics tell it.
async fn age(client: &testkit::Client) -> Option<f64> {
    let told = client.get("/metrics").await.text();
    let line = told.lines().find(|line| line.starts_with("ledgerdesk_oldest_snapshot_seconds "))?;
    line.rsplit(' ').next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_goes_on_under_a_snapshot_held_open_and_nothing_dead_piles_up() {
    let mut chance = Chance::seeded(20_340);
    let desk = Desk::start().await;
    let client = desk.client();
    let (mut reporter, mut looker) = (desk.program.owner().await, desk.program.owner().await);
    let mut report = reporter.begin_with("begin isolation level repeatable read").await.unwrap();
    let seen = "select count(*) from es.event";
    let then: i64 = sqlx::query(seen).fetch_one(&mut *report).await.unwrap().get(0);
    let load = Load::start(writers(WRITERS, &mut chance), &client);
    load.gauge.wait_for_accepted(REQUESTS).await;
    let now: i64 = sqlx::query(seen).fetch_one(&mut *report).await.unwrap().get(0);
    assert_eq!(now, then, "the report sees one state");
    eventually("the metrics tell of the snapshot", || async {
        age(&client).await.filter(|seconds| *seconds > 0.0)
    })
    .await;
    let mut writers = load.stop().await;
    for writer in &mut writers {
        writer.settle(&client).await;
    }
    eventually("the statistics have heard of the events", || async {
        // A connection of its own: statistics stand still within one.
        let mut looker = desk.program.owner().await;
        (inserted(&mut looker).await > then).then_some(())
    })
    .await;
    assert_eq!(worn(&mut looker).await, (0, 0), "rows of the log were changed, or checkpoints");
    let tickets = writers.iter().flat_map(|writer| &writer.tickets);
    check::tickets_are_as_acknowledged(&client, tickets).await;
    report.rollback().await.unwrap();
    check::log_holds_each_once(&desk, &writers);
    desk.verify();
}
