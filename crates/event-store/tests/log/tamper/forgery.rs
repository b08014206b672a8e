//! Somebody who knows how the hashes are made: where the chain still tells, and where only a head kept elsewhere does.

use decider::WorkspaceId;
use event_store::log::{KnownHead, LogReader, Verification, VerifyReport};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use super::table::run;
use super::{fixture, verify};
use crate::bank::Bank;
use crate::database::Database;

const FORGE: &str = include_str!("forge.sql");

/// The event that is changed: somewhere in the middle.
const POSITION: i64 = 60;

async fn forger(database: &Database) -> (PgConnection, [Uuid; 2]) {
    let (mut owner, workspaces) = fixture(database).await;
    run(&mut owner, FORGE.to_owned()).await.unwrap();
    (owner, workspaces)
}

async fn rewrite_event(owner: &mut PgConnection, ws: Uuid) {
    for statement in [
        format!("update es.event set actor = 'user:{ws}' where ws = '{ws}' and pos = {POSITION}"),
        format!(
            "update es.event e set leaf = pg_temp.leaf(e) where ws = '{ws}' and pos = {POSITION}"
        ),
    ] {
        assert_eq!(run(owner, statement).await.unwrap(), 1);
    }
}

async fn number(owner: &mut PgConnection, statement: String) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(statement)).fetch_one(owner).await.unwrap()
}

async fn commit_of(owner: &mut PgConnection, ws: Uuid) -> i64 {
    let statement = format!(
        "select no from es.commit where ws = '{ws}' and {POSITION} between first_pos and last_pos"
    );
    number(owner, statement).await
}

async fn rewrite_commits(
    owner: &mut PgConnection,
    ws: Uuid,
    numbers: std::ops::RangeInclusive<i64>,
) {
    for no in numbers {
        let statement = format!(
            "update es.commit c set hash = pg_temp.hash(c) where ws = '{ws}' and no = {no}"
        );
        assert_eq!(run(owner, statement).await.unwrap(), 1);
    }
}

async fn against(owner: &mut PgConnection, ws: Uuid, heads: &[KnownHead]) -> VerifyReport {
    let mut transaction = owner.begin().await.unwrap();
    let verification = Verification::of(WorkspaceId(ws)).against(heads);
    verification.run_in(&mut transaction, |_| {}).await.unwrap()
}

/// The heads at several commits, as somebody kept them.
async fn heads(database: &Database, ws: Uuid) -> Vec<KnownHead> {
    let reader = LogReader::new(database.pool.clone());
    let commits = reader.commits_from(WorkspaceId(ws), 1, 10_000).await.unwrap();
    let kept = commits.iter().rev().step_by(9);
    kept.map(|commit| KnownHead { commit: commit.no, hash: commit.hash }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_leaf_is_found_at_its_commit_and_a_forged_commit_at_the_next() {
    let database = Database::new().await;
    let (mut owner, [ws, _]) = forger(&database).await;
    let commit = commit_of(&mut owner, ws).await;
    rewrite_event(&mut owner, ws).await;
    let report = against(&mut owner, ws, &[]).await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].commit as i64, commit);
    assert!(report.findings[0].what.contains("hash"), "{:?}", report.findings);
    rewrite_commits(&mut owner, ws, commit..=commit).await;
    let report = against(&mut owner, ws, &[]).await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert_eq!(report.findings[0].commit as i64, commit + 1);
    drop(owner);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_written_anew_is_consistent_and_found_by_a_head_kept_elsewhere() {
    let database = Database::new().await;
    let (mut owner, [ws, other]) = forger(&database).await;
    let (kept, kept_other) = (heads(&database, ws).await, heads(&database, other).await);
    let all = against(&mut owner, ws, &kept).await;
    assert_eq!((all.findings, all.heads_compared), (vec![], kept.len() as u64));
    let last = number(&mut owner, format!("select max(no) from es.commit where ws = '{ws}'")).await;
    let commit = commit_of(&mut owner, ws).await;
    rewrite_event(&mut owner, ws).await;
    rewrite_commits(&mut owner, ws, commit..=last).await;
    assert_eq!(against(&mut owner, ws, &[]).await.findings, [], "a chain alone cannot tell");
    let report = against(&mut owner, ws, &kept).await;
    let oldest =
        kept.iter().map(|head| head.commit as i64).filter(|no| *no >= commit).min().unwrap();
    assert_eq!(report.findings[0].commit as i64, oldest, "{:?}", report.findings);
    assert!(report.findings[0].what.contains("a head kept elsewhere"), "{:?}", report.findings);
    // What was before the change is as it was kept.
    let older: Vec<_> = kept.iter().filter(|head| (head.commit as i64) < commit).copied().collect();
    assert!(!older.is_empty());
    assert_eq!(against(&mut owner, ws, &older).await.findings, []);
    assert_eq!(against(&mut owner, other, &kept_other).await.findings, []);
    drop(owner);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_was_cut_off_is_found_by_a_head_kept_elsewhere() {
    let database = Database::new().await;
    let (mut owner, [ws, other]) = forger(&database).await;
    let kept = heads(&database, ws).await;
    let newest = kept[0].commit;
    for statement in [
        format!(
            "delete from es.event where ws = '{ws}' and pos >= (select first_pos from es.commit where ws = '{ws}' and no = {newest})"
        ),
        format!("delete from es.command where ws = '{ws}' and no = {newest}"),
        format!("delete from es.claim where ws = '{ws}' and no = {newest}"),
        format!("delete from es.commit where ws = '{ws}' and no = {newest}"),
    ] {
        run(&mut owner, statement).await.unwrap();
    }
    assert_eq!(against(&mut owner, ws, &[]).await.findings, [], "a chain alone cannot tell");
    let report = against(&mut owner, ws, &kept).await;
    assert_eq!((report.findings.len(), report.findings[0].commit), (1, newest - 1));
    assert!(report.findings[0].what.contains("cut off"), "{:?}", report.findings);
    // All of it, with the row of the workspace or without.
    for table in ["event", "commit", "command", "claim"] {
        run(&mut owner, format!("delete from es.{table} where ws = '{ws}'")).await.unwrap();
    }
    let report = against(&mut owner, ws, &kept).await;
    assert_eq!(report.findings.len(), kept.len(), "{:?}", report.findings);
    run(&mut owner, format!("delete from es.workspace where ws = '{other}'")).await.unwrap();
    let mut transaction = owner.begin().await.unwrap();
    let found = verify(&mut transaction, &[ws, other], 100).await;
    assert_eq!(found.strangers, [WorkspaceId(other)]);
    assert!(found.of(other).unwrap().findings[0].what.contains("own row is missing"));
    drop(transaction);
    drop(owner);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_events_cannot_be_made_to_count_less() {
    let database = Database::new().await;
    let (mut owner, [ws, _]) = forger(&database).await;
    let statement = format!("update es.command set n = -1 where ws = '{ws}' and n = 0");
    assert!(run(&mut owner, statement).await.unwrap() > 0);
    let report = against(&mut owner, ws, &[]).await;
    assert!(report.findings[0].what.contains("less than no events"), "{:?}", report.findings);
    drop(owner);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_beside_the_walk_find_the_same_as_the_walk_alone() {
    let database = Database::new().await;
    let (mut owner, [ws, other]) = forger(&database).await;
    let clean = of_both(&database, ws).await;
    assert_eq!(clean.findings, []);
    for (change, found) in [
        (format!("update es.event set type = 'Burnt' where ws = '{ws}' and pos = 7"), 1),
        (format!("update es.event set leaf = 'short' where ws = '{ws}' and pos = 9"), 2),
        (format!("delete from es.event where ws = '{ws}' and pos = {POSITION}"), 3),
        (format!("update es.commit set last_pos = last_pos + 5 where ws = '{ws}' and no = 3"), 4),
        (
            format!(
                "update es.commit set last_pos = last_pos + (1::bigint << 60), first_pos = first_pos + (1::bigint << 60) where ws = '{ws}' and no = 12"
            ),
            5,
        ),
        (
            format!(
                "update es.commit set last_pos = last_pos - (1::bigint << 62) where ws = '{ws}' and no = 14"
            ),
            6,
        ),
        (format!("delete from es.commit where ws = '{ws}' and no = 20"), 7),
        (format!("update es.event set pos = -pos where ws = '{ws}' and pos = 90"), 8),
    ] {
        assert_eq!(run(&mut owner, change.clone()).await.unwrap(), 1, "{change}");
        assert!(of_both(&database, ws).await.findings.len() >= found, "{change}");
    }
    assert_eq!(of_both(&database, other).await.findings, []);
    drop(owner);
    database.remove().await;
}

/// What is found without, with one and with several readers beside the walk; it must be the same.
async fn of_both(database: &Database, ws: Uuid) -> VerifyReport {
    let verification = Verification::of(WorkspaceId(ws));
    let alone = verification.run(&database.pool, |_| {}).await.unwrap();
    for readers in [1, 3] {
        let report = verification.beside(readers).run(&database.pool, |_| {}).await.unwrap();
        assert_eq!(report, alone, "{readers} readers");
    }
    alone
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_written_meanwhile_raises_no_alarm() {
    let database = Database::new().await;
    let node = database.node().await;
    let ids: Vec<Uuid> = (0..8).map(|_| Uuid::now_v7()).collect();
    for (n, id) in ids.iter().enumerate() {
        node.send(Bank::open(*id, &format!("{n}"))).await.unwrap();
    }
    let writers: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let node = node.clone();
            tokio::spawn(async move {
                for _ in 0..150 {
                    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
                }
            })
        })
        .collect();
    let mut lengths = Vec::new();
    for streams_max in (0..3).cycle() {
        let last = writers.iter().all(tokio::task::JoinHandle::is_finished);
        // With readers beside the walk, which must see no more than it does.
        let verification = Verification { streams_max, ..Verification::of(database.ws) };
        let verification = verification.beside(streams_max);
        let report = verification.run(&database.pool, |_| {}).await.unwrap();
        assert_eq!(report.findings, []);
        lengths.push(report.events);
        if last {
            break;
        }
    }
    assert_eq!(lengths.last(), Some(&1_208));
    lengths.dedup();
    assert!(lengths.len() > 2, "it was written while it was verified: {lengths:?}");
    database.remove().await;
}
