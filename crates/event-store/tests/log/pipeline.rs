//! Batches that are decided while another is on its way, and batches that fail.

use std::time::{Duration, Instant};

use decider::{LogPosition, Timestamp};
use event_store::handler::HandleError;
use event_store::log::{Commit, RecentCommits};
use futures_util::future::join_all;
use sqlx::AssertSqlSafe;
use tokio::time::sleep;
use uuid::Uuid;

use crate::bank::{Bank, FOLD_DEFECT};
use crate::database::{Database, Node, code};

fn start(
    node: &Node,
    command: Bank,
) -> tokio::task::JoinHandle<Result<event_store::handler::Accepted, HandleError>> {
    let node = node.clone();
    tokio::spawn(async move { node.send(command).await })
}

/// Long enough for a command to be decided behind a batch that waits.
async fn decided() {
    sleep(Duration::from_millis(150)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_taken_behind_a_batch_on_its_way_is_not_given_twice() {
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    two.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    one.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    let lock = database.hold().await;
    let theirs = start(&two, Bank::open(Uuid::now_v7(), "b"));
    database.until_waiting(1).await;
    let ours = start(&one, Bank::Deposit { id, amount: 1 });
    database.until_waiting(2).await;
    let behind = start(&one, Bank::open(Uuid::now_v7(), "c"));
    decided().await;
    drop(lock);
    ours.await.unwrap().unwrap();
    let mut numbers = Vec::new();
    for answer in [theirs, behind] {
        let answer = answer.await.unwrap().unwrap();
        let payload: serde_json::Value =
            serde_json::from_slice(&answer.events()[0].payload).unwrap();
        numbers.push(payload["number"].as_u64().unwrap());
    }
    assert_eq!(numbers, [2, 3]);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_decided_on_one_that_failed_fails_too_though_another_node_wrote_the_same_versions()
{
    let database = Database::new().await;
    let (one, two) = (database.node().await, database.node().await);
    let (poor, rich) = (Uuid::now_v7(), Uuid::now_v7());
    one.send(Bank::open(poor, "poor")).await.unwrap();
    one.send(Bank::open(rich, "rich")).await.unwrap();
    one.send(Bank::Deposit { id: rich, amount: 10 }).await.unwrap();
    for node in [&one, &two] {
        // Now it knows both accounts as they are.
        for id in [poor, rich] {
            assert_eq!(code(node.send(Bank::Withdraw { id, amount: 99 }).await), "overdrawn");
        }
    }
    let lock = database.hold().await;
    let label = start(&two, Bank::Label { id: poor, label: "x".to_owned() });
    database.until_waiting(1).await;
    let spent = start(&two, Bank::Withdraw { id: rich, amount: 10 });
    database.until_waiting(2).await;
    // Decided as if the money were still there, and then on top of it.
    let transfer = start(&one, Bank::Transfer { from: rich, to: poor, amount: 10 });
    database.until_waiting(3).await;
    let on_top = start(&one, Bank::Withdraw { id: poor, amount: 10 });
    database.until_waiting(4).await;
    drop(lock);
    assert_eq!(code(label.await.unwrap()), "accepted");
    assert_eq!(code(spent.await.unwrap()), "accepted");
    assert_eq!(code(transfer.await.unwrap()), "overdrawn");
    assert_eq!(code(on_top.await.unwrap()), "overdrawn");
    assert_eq!(database.verify().await.findings, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_decided_under_an_old_directory_is_decided_again_under_the_new_one() {
    let database = Database::new().await;
    let read = database.small_pool(1).await;
    let one =
        database.node_with(database.pool.clone(), read.clone(), RecentCommits::default()).await;
    let two = database.node().await;
    let id = Uuid::now_v7();
    one.send(Bank::open(id, "a")).await.unwrap();
    two.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    one.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    let first_lock = database.hold().await;
    let first = start(&one, Bank::Deposit { id, amount: 1 });
    database.until_waiting(1).await;
    let second = start(&one, Bank::Deposit { id, amount: 1 });
    database.until_waiting(2).await;
    let third_lock = tokio::spawn({
        let (url, ws) = (database.url.clone(), database.ws);
        async move {
            use sqlx::Connection;
            let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
            sqlx::query("select pg_advisory_lock(hashtextextended($1::uuid::text, 7))")
                .bind(ws.0)
                .execute(&mut connection)
                .await
                .unwrap();
            connection
        }
    });
    database.until_waiting(3).await;
    // The third batch: one refusal to prove, two deposits.
    let refused = start(&one, Bank::Withdraw { id, amount: 1000 });
    let third = [2, 3].map(|amount| start(&one, Bank::Deposit { id, amount }));
    decided().await;
    drop(first_lock);
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let third_lock = third_lock.await.unwrap();
    database.until_waiting(1).await;
    // Decided behind the third batch, without a limit, and too small to follow it at once.
    let fourth = start(&one, Bank::Deposit { id, amount: 100 });
    decided().await;
    // The proof has to wait until the limit is in the log.
    let reading = read.acquire().await.unwrap();
    drop(third_lock);
    for deposit in third {
        deposit.await.unwrap().unwrap();
    }
    two.send(Bank::SetLimit { limit: 10 }).await.unwrap();
    drop(reading);
    assert_eq!(code(refused.await.unwrap()), "overdrawn");
    assert_eq!(code(fourth.await.unwrap()), "over_limit");
    read.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_database_refuses_fails_alone_and_the_others_stay_fast() {
    let database = Database::new().await;
    for statement in [
        "create function public.no_poison() returns trigger language plpgsql as $$ begin
           if position('poison'::bytea in new.payload) > 0 then raise exception 'no' using errcode = '22000'; end if;
           return new; end $$",
        "create trigger no_poison before insert on es.event for each row execute function public.no_poison()",
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&database.pool).await.unwrap();
    }
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    for round in 0..3 {
        let lock = database.hold().await;
        let first = start(&node, Bank::Deposit { id, amount: 1 });
        database.until_waiting(1).await;
        let mut others: Vec<_> =
            (0..10).map(|_| start(&node, Bank::Deposit { id, amount: 1 })).collect();
        let label = "poison".to_owned();
        let poison = start(&node, Bank::Label { id, label });
        decided().await;
        others.extend((0..10).map(|_| start(&node, Bank::Deposit { id, amount: 1 })));
        decided().await;
        drop(lock);
        first.await.unwrap().unwrap();
        assert!(matches!(poison.await.unwrap(), Err(HandleError::Failed(_))), "round {round}");
        for other in join_all(others).await {
            other.unwrap().unwrap();
        }
    }
    assert_eq!(database.verify().await.events, 1 + 3 * 21);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_read_fails_its_own_commands_only() {
    let database = Database::new().await;
    let ids: Vec<Uuid> = (0..6).map(|_| Uuid::now_v7()).collect();
    let node = database.node().await;
    for (n, id) in ids.iter().enumerate() {
        node.send(Bank::open(*id, &format!("n{n}"))).await.unwrap();
    }
    sqlx::query("update es.event set payload = 'no json' where stream = $1")
        .bind(ids[3])
        .execute(&database.pool)
        .await
        .unwrap();
    let cold = database.node().await;
    let answers =
        join_all(ids.iter().map(|id| cold.send(Bank::Deposit { id: *id, amount: 1 }))).await;
    for (n, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(_) => assert_ne!(n, 3),
            Err(HandleError::Failed(_)) => assert_eq!(n, 3),
            Err(other) => panic!("{n}: {other:?}"),
        }
    }
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_in_a_fold_fails_that_command_alone() {
    let database = Database::new().await;
    let node = database.node().await;
    let (id, other) = (Uuid::now_v7(), Uuid::now_v7());
    node.send(Bank::open(id, "a")).await.unwrap();
    node.send(Bank::open(other, "b")).await.unwrap();
    let label = FOLD_DEFECT.to_owned();
    let broken = node.send(Bank::Label { id, label }).await;
    assert!(matches!(broken, Err(HandleError::Failed(_))), "{broken:?}");
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    // In the log since an older release: every fold of this stream breaks, that of others does not.
    sqlx::query("update es.event set payload = $1, type = 'AccountLabelled' where stream = $2 and version = 2")
        .bind(format!(r#"{{"t":"Labelled","label":"{FOLD_DEFECT}"}}"#).into_bytes())
        .bind(id)
        .execute(&database.pool)
        .await
        .unwrap();
    let cold = database.node().await;
    let (broken, fine) = tokio::join!(
        cold.send(Bank::Deposit { id, amount: 1 }),
        cold.send(Bank::Deposit { id: other, amount: 1 })
    );
    assert!(matches!(broken, Err(HandleError::Failed(_))), "{broken:?}");
    fine.unwrap();
    cold.send(Bank::Deposit { id: other, amount: 1 }).await.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_may_change_one_natural_key_twice() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let rename = |from: &str, to: &str| Bank::Rename { id, from: from.into(), to: to.into() };
    assert_eq!(code(node.send(rename("a", "a")).await), "accepted");
    assert_eq!(code(node.send(rename("a", "b")).await), "accepted");
    assert_eq!(code(node.send(Bank::open(Uuid::now_v7(), "a")).await), "accepted");
    assert_eq!(code(node.send(Bank::open(Uuid::now_v7(), "b")).await), "name_taken");
    assert_eq!(database.verify().await.findings, []);
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_cannot_be_proven_leaves_the_outcome_open() {
    let database = Database::new().await;
    let read = database.small_pool(1).await;
    let node =
        database.node_with(database.pool.clone(), read.clone(), RecentCommits::default()).await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let command = Uuid::new_v4();
    let first = node.send_as(command, Bank::Deposit { id, amount: 1 }).await.unwrap();
    let reading = read.acquire().await.unwrap();
    let refused = node.send(Bank::Withdraw { id, amount: 1000 }).await;
    assert!(matches!(refused, Err(HandleError::Unavailable)), "{refused:?}");
    drop(reading);
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    let reading = read.acquire().await.unwrap();
    // Accepted before: what stands in the log cannot be read now.
    let repeated = node.send_as(command, Bank::Deposit { id, amount: 1 }).await;
    assert!(matches!(repeated, Err(HandleError::Unavailable)), "{repeated:?}");
    drop(reading);
    let again = node.send_as(command, Bank::Deposit { id, amount: 1 }).await.unwrap();
    assert_eq!((again.duplicate, again.position), (true, first.position));
    read.close().await;
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_the_queue_fills_and_then_refuses() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let lock = database.hold().await;
    let first = start(&node, Bank::Deposit { id, amount: 1 });
    database.until_waiting(1).await;
    // Refusals wait for their proof as well, and take room while they do.
    let waiting: Vec<_> =
        (0..9000).map(|_| start(&node, Bank::Withdraw { id, amount: 1000 })).collect();
    // Nobody is answered but those for whom there is no room: once some are, the queue is full.
    let deadline = Instant::now() + Duration::from_secs(60);
    while waiting.iter().filter(|answer| answer.is_finished()).count() <= 1000 {
        assert!(Instant::now() < deadline, "{} are queued", node.handler.queued(database.ws));
        sleep(Duration::from_millis(5)).await;
    }
    assert!(node.handler.queued(database.ws) > 0);
    drop(lock);
    first.await.unwrap().unwrap();
    let (mut busy, mut refused) = (0, 0);
    for answer in join_all(waiting).await {
        match answer.unwrap() {
            Err(HandleError::Busy) => busy += 1,
            Err(HandleError::Rejected(_)) => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(busy > 1000 && refused >= 4096, "{busy} busy, {refused} refused");
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_workspace_takes_nothing_and_says_so() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    let set = |closed: &'static str| {
        let statement = AssertSqlSafe(format!("update es.workspace set closed_at = {closed}"));
        sqlx::query(statement).execute(&database.pool)
    };
    set("now()").await.unwrap();
    let ten = join_all((0..10).map(|_| node.send(Bank::Deposit { id, amount: 1 }))).await;
    assert!(ten.iter().all(|answer| matches!(answer, Err(HandleError::WorkspaceClosed))));
    assert_eq!(database.verify().await.events, 1);
    set("null").await.unwrap();
    node.send(Bank::Deposit { id, amount: 1 }).await.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_may_need_hundreds_of_claims_and_many_streams_at_once() {
    let database = Database::new().await;
    let node = database.node().await;
    let from: Vec<Uuid> = (0..50).map(|_| Uuid::now_v7()).collect();
    let to = Uuid::now_v7();
    node.send(Bank::open(to, "to")).await.unwrap();
    for (n, id) in from.iter().enumerate() {
        node.send(Bank::open(*id, &format!("from {n}"))).await.unwrap();
        node.send(Bank::Deposit { id: *id, amount: 1 }).await.unwrap();
    }
    let names: Vec<String> = (0..200).map(|n| format!("alias {n}")).collect();
    let collect = Bank::Collect { from: from.clone(), to, names: names.clone() };
    for node in [database.node().await, node] {
        let answer = node.send(collect.clone()).await;
        if let Ok(accepted) = &answer {
            assert_eq!((accepted.events().len(), accepted.version_of(to)), (100, Some(51)));
            continue;
        }
        assert_eq!(code(answer), "overdrawn", "the second finds the accounts empty");
    }
    let taken = node_refuses(&database, &names[199]).await;
    assert_eq!(taken, "name_taken");
    let report = database.verify().await;
    assert_eq!((report.events, report.claims, report.findings.len()), (201, 251, 0));
    database.remove().await;
}

async fn node_refuses(database: &Database, name: &str) -> &'static str {
    code(database.node().await.send(Bank::open(Uuid::now_v7(), name)).await)
}

#[test]
fn commits_without_events_do_not_fill_the_memory() {
    let recent = RecentCommits::default();
    let ws = decider::WorkspaceId(Uuid::now_v7());
    let last = 400_000;
    for no in 1..=last {
        let at = Timestamp::from_micros(0);
        let commit = Commit { no, first_pos: 1, last_pos: 0, at, hash: [0; 32] };
        recent.publish(ws, commit, std::sync::Arc::from([]));
    }
    assert!(recent.after(ws, 0).is_none(), "the oldest were dropped");
    assert_eq!(recent.after(ws, last - 5).unwrap().len(), 5);
    assert_eq!(*recent.follow(ws).borrow(), LogPosition(0));
}
