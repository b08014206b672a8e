//! No hot statement walks through a whole table, whatever the planner thinks of parameters.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use event_store::log::RecentCommits;
use sqlx::{AssertSqlSafe, PgConnection, Row};
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::{Database, code};

/// Two workspaces of 60,000 events each: half of the table is a share at which a planner is tempted.
async fn fill(database: &Database) -> Uuid {
    let other = Uuid::now_v7();
    for ws in [database.ws.0, other] {
        for statement in [
            "insert into es.event
             select $1, n, now(), null, lpad(to_hex(1 + n % 3000), 32, '0')::uuid, 1 + (n - 1) / 3000, 'account', 'MoneyMoved', 1,
                    md5($1::text || 'c' || (n - 1) / 3)::uuid, 'system:00000000-0000-0000-0000-000000000000', '{}', '{\"t\":\"Moved\",\"amount\":1}',
                    sha256(n::text::bytea) from generate_series(1, 60000) n",
            "insert into es.commit
             select $1, n, n * 3 - 2, n * 3, n, 0, now(), $1, '', sha256(n::text::bytea) from generate_series(1, 20000) n",
            "insert into es.command
             select $1, md5($1::text || 'c' || (n - 1))::uuid, n, 1, n * 3 - 2, 3, '' from generate_series(1, 20000) n",
            "insert into es.claim
             select $1, 'account.name', sha256(n::text::bytea), 1, $1, n, 1 from generate_series(1, 20000) n",
        ] {
            sqlx::query(statement).bind(ws).execute(&database.pool).await.unwrap();
        }
    }
    sqlx::query("select es.open_workspace($1)").bind(other).execute(&database.pool).await.unwrap();
    sqlx::query("analyze").execute(&database.pool).await.unwrap();
    other
}

fn stream(n: u128) -> Uuid {
    Uuid::from_u128(1 + n % 3000)
}

/// How often each table of the log was walked through as a whole.
async fn walks(database: &Database) -> BTreeMap<String, i64> {
    sqlx::query("select relname::text, coalesce(seq_scan, 0) from pg_stat_user_tables where schemaname = 'es'")
        .fetch_all(&database.pool)
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect()
}

/// Waits until no connections are left but those of the database's own pool.
async fn until_gone(database: &Database) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let there: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and backend_type = 'client backend'",
        )
        .fetch_one(&database.pool)
        .await
        .unwrap();
        if there <= i64::from(database.pool.size()) {
            return;
        }
        assert!(Instant::now() < deadline, "{there} connections are there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn appending_repeating_refusing_and_reading_walk_through_no_table() {
    let database = Database::new().await;
    fill(&database).await;
    // Each worker of a shared walk would count by itself.
    sqlx::query(
        "do $$ begin execute format('alter database %I set max_parallel_workers_per_gather = 0', current_database()); end $$",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let (append, read) = (database.small_pool(2).await, database.small_pool(4).await);
    // Without notes of earlier walks: those of the fixture are not meant.
    sqlx::query("select pg_stat_reset()").execute(&database.pool).await.unwrap();
    let node = database.node_with(append.clone(), read.clone(), RecentCommits::default()).await;
    node.handler.ready(database.ws).await.unwrap();
    let command = Uuid::new_v4();
    // More than five of each kind: from then on a plan for all parameters is used.
    for n in 0..12u128 {
        let id = stream(n * 11);
        assert_eq!(code(node.send(Bank::Deposit { id, amount: 1 }).await), "accepted");
        assert_eq!(code(node.send(Bank::Withdraw { id, amount: 999 }).await), "overdrawn");
        assert_eq!(code(node.send(Bank::Label { id, label: String::new() }).await), "accepted");
        let again =
            node.send_as(command, Bank::Deposit { id: stream(5), amount: 1 }).await.unwrap();
        assert_eq!(again.duplicate, n > 0);
        let fresh = Bank::open(Uuid::now_v7(), &format!("n{n}"));
        assert_eq!(code(node.send(fresh).await), "accepted");
        assert_eq!(
            code(node.send(Bank::open(Uuid::now_v7(), &format!("n{n}"))).await),
            "name_taken"
        );
        // An id that is taken: a conflict inside the append.
        assert_eq!(code(node.send(Bank::open(stream(n * 7 + 3), "x")).await), "exists");
        let reader = node.handler.reader();
        reader.after(database.ws, decider::LogPosition(30_000), 100).await.unwrap();
        reader.versions(database.ws, &[id, stream(2), stream(3)]).await.unwrap();
        reader.version_at(database.ws, id, decider::LogPosition(30_000)).await.unwrap();
        reader.stream_page(database.ws, id, 3, 5).await.unwrap();
        reader.commits_from(database.ws, 10_000, 20).await.unwrap();
        reader.commands(database.ws, &[decider::CommandId(command)]).await.unwrap();
    }
    // A backend tells what it did at the latest when it ends, before it leaves the list of those that are there.
    drop(node);
    append.close().await;
    read.close().await;
    until_gone(&database).await;
    let mut walked = walks(&database).await;
    // The directory is read once from the start, by kind.
    assert!(walked["event"] <= 1, "{walked:?}");
    walked.remove("event");
    // One row per workspace: one page.
    walked.remove("workspace");
    assert!(walked.values().all(|walks| *walks == 0), "{walked:?}");
    database.remove().await;
}

/// Every reading statement with the types of its parameters and values for them, but for the workspace.
fn statements() -> Vec<(&'static str, &'static str, String)> {
    let streams = format!("array['{}', '{}', '{}']::uuid[]", stream(1), stream(2), stream(3));
    let keys = "array['account.name', 'x'], array['\\x00', '\\x01']::bytea[]";
    vec![
        (
            include_str!("../../src/log/sql/after.sql"),
            "uuid, bigint, bigint",
            "30000, 100".to_owned(),
        ),
        (include_str!("../../src/log/sql/claims.sql"), "uuid, text[], bytea[]", keys.to_owned()),
        (include_str!("../../src/log/sql/commands.sql"), "uuid, uuid[]", streams.clone()),
        (
            include_str!("../../src/log/sql/commits_from.sql"),
            "uuid, bigint, bigint",
            "9000, 50".to_owned(),
        ),
        (
            include_str!("../../src/log/sql/directory_after.sql"),
            "uuid, bigint, text[]",
            "59990, array['rules']".to_owned(),
        ),
        (include_str!("../../src/log/sql/head.sql"), "uuid", String::new()),
        (
            include_str!("../../src/log/sql/stream_page.sql"),
            "uuid, uuid, integer, bigint",
            format!("'{}', 3, 10", stream(1)),
        ),
        (
            include_str!("../../src/log/sql/streams.sql"),
            "uuid, uuid[], integer[]",
            format!("{streams}, array[0, 0, 0]"),
        ),
        (
            include_str!("../../src/log/sql/version_at.sql"),
            "uuid, uuid, bigint",
            format!("'{}', 30000", stream(1)),
        ),
        (include_str!("../../src/log/sql/versions.sql"), "uuid, uuid[]", streams.clone()),
        (
            include_str!("../../src/log/sql/verify_events.sql"),
            "uuid, bigint, bigint",
            "100, 1600".to_owned(),
        ),
        (
            include_str!("../../src/log/sql/verify_commits.sql"),
            "uuid, bigint, bigint",
            "9000, 500".to_owned(),
        ),
        (
            include_str!("../../src/log/sql/verify_before.sql"),
            "uuid, uuid[], bigint[], bigint[]",
            format!("{streams}, array[30000, 30001, 30002], array[3, 1, 2]"),
        ),
        (
            include_str!("../../src/handler/sql/prove.sql"),
            "uuid, uuid[], text[], bytea[], uuid[]",
            format!("{streams}, {keys}, {streams}"),
        ),
    ]
}

/// The same of those that read a long stream in two parts.
fn summing() -> Vec<(&'static str, &'static str, String)> {
    let types = "array['MoneyMoved']";
    vec![
        (
            include_str!("../../src/log/sql/stream_without.sql"),
            "uuid, uuid, integer, integer, text[], bigint",
            format!("'{}', 3, 10, {types}, 10", stream(1)),
        ),
        (
            include_str!("../../src/log/sql/newest_of_stream.sql"),
            "uuid, uuid, integer, integer, text[], bigint, bigint",
            format!("'{}', 0, 10, {types}, 10, 1000", stream(1)),
        ),
        (
            include_str!("../../src/log/sql/stream_sum.sql"),
            "uuid, uuid, integer, integer, text[], text[], bigint, bigint",
            format!("'{}', 3, 10, {types}, {types}, 30000, 0", stream(1)),
        ),
        (
            include_str!("../../src/log/sql/stream_between.sql"),
            "uuid, uuid, text[], bigint, bigint, bigint, bigint, bigint",
            format!("'{}', {types}, 30000, 0, 10, 0, 200", stream(1)),
        ),
        (
            include_str!("../../src/log/sql/stream_between_count.sql"),
            "uuid, uuid, text[], bigint, bigint, bigint, bigint",
            format!("'{}', {types}, 30000, 0, 10, 0", stream(1)),
        ),
    ]
}

/// The same of those that outline.
fn outlining() -> Vec<(&'static str, &'static str, String)> {
    let streams = format!("array['{}', '{}', '{}']::uuid[]", stream(1), stream(2), stream(3));
    vec![
        (
            include_str!("../../src/log/sql/outline.sql"),
            "uuid, bigint, bigint, text[]",
            "30000, 1000, array['MoneyMoved']".to_owned(),
        ),
        (
            include_str!("../../src/log/sql/at_positions.sql"),
            "uuid, bigint[]",
            "array[7, 30000, 59999]::bigint[]".to_owned(),
        ),
        (
            include_str!("../../src/log/sql/newest_of_type.sql"),
            "uuid, uuid[], text",
            format!("{streams}, 'MoneyMoved'"),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reading_statement_is_planned_as_a_walk_through_a_table() {
    let database = Database::new().await;
    fill(&database).await;
    let ws = format!("'{}'", database.ws.0);
    let statements = [statements(), outlining(), summing()].concat();
    let mut connection = database.pool.acquire().await.unwrap();
    for mode in ["force_custom_plan", "force_generic_plan"] {
        run(&mut connection, &format!("set plan_cache_mode = {mode}")).await;
        for (statement, types, rest) in &statements {
            let values = [ws.as_str(), rest].into_iter().filter(|value| !value.is_empty());
            let values = values.collect::<Vec<_>>().join(", ");
            run(&mut connection, &format!("prepare hot ({types}) as {statement}")).await;
            let plan = run(&mut connection, &format!("explain execute hot ({values})")).await;
            run(&mut connection, "deallocate hot").await;
            assert!(!plan.contains("Seq Scan"), "{mode}: {statement}\n{plan}");
        }
    }
    drop(connection);
    database.remove().await;
}

async fn run(connection: &mut PgConnection, statement: &str) -> String {
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
        .fetch_all(connection)
        .await
        .unwrap()
        .iter()
        .map(|row| row.get::<String, _>(0))
        .collect::<Vec<_>>()
        .join("\n")
}
