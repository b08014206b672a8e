//! The application's role cannot change history, and changed history is found.

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::bank::Bank;
use crate::database::Database;

#[tokio::test(flavor = "multi_thread")]
async fn the_application_role_appends_through_the_function_and_changes_nothing_else() {
    let database = Database::new().await;
    let node = database.node().await;
    node.send(Bank::open(Uuid::now_v7(), "a")).await.unwrap();
    let url = database.url.replacen("postgres://postgres@", "postgres://ledgerdesk_app@", 1);
    let mut application = PgConnection::connect(&url).await.unwrap();
    sqlx::query("select count(*) from es.event").execute(&mut application).await.unwrap();
    for table in ["event", "commit", "command", "claim", "workspace"] {
        for statement in [
            format!("delete from es.{table}"),
            format!("update es.{table} set ws = ws"),
            format!("insert into es.{table} select * from es.{table}"),
            format!("truncate es.{table}"),
            format!("drop table es.{table}"),
            format!("alter table es.{table} add column x int"),
        ] {
            let refused =
                sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut application).await;
            let code = refused
                .unwrap_err()
                .as_database_error()
                .and_then(|e| e.code().map(|c| c.to_string()));
            assert_eq!(code.as_deref(), Some("42501"), "{statement}");
        }
    }
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let restricted = database.node_on(pool.clone()).await;
    restricted.send(Bank::open(Uuid::now_v7(), "b")).await.unwrap();
    pool.close().await;
    application.close().await.unwrap();
    database.remove().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_changed_removed_or_added_row_is_found_and_its_place_named() {
    let database = Database::new().await;
    let node = database.node().await;
    let id = Uuid::now_v7();
    node.send(Bank::open(id, "a")).await.unwrap();
    for amount in 1..6 {
        node.send(Bank::Deposit { id, amount }).await.unwrap();
    }
    let cases = [
        ("update es.event set payload = payload || ' '::bytea where pos = 3", Some(3)),
        ("update es.event set actor = 'user:' || gen_random_uuid() where pos = 2", Some(2)),
        ("update es.event set at = at + interval '1 microsecond' where pos = 2", Some(2)),
        ("update es.event set occurred_at = at where pos = 4", Some(4)),
        ("update es.event set version = 50 where pos = 6", Some(6)),
        ("delete from es.event where pos = 6", None),
        ("delete from es.event where pos = 4", None),
        ("delete from es.commit where no = 3", None),
        ("update es.commit set at = at + interval '1 second' where no = 3", None),
        ("update es.commit set last_number = 9 where no = 6", None),
        ("update es.command set body_hash = 'x' where no = 2", None),
        ("update es.command set first_pos = 1 where no = 2", None),
        ("delete from es.command where no = 5", None),
        ("update es.claim set stream = gen_random_uuid()", None),
        ("delete from es.claim", None),
        ("update es.command set ord = ord + 7 where no = 2", None),
        ("update es.claim set ord = ord + 7", None),
        // Rows before the first commit: a state would fold them, a repeat would find them.
        (
            "insert into es.event select ws, 0, at, occurred_at, stream, 7, kind, type, schema_v, cmd, actor, meta,
                    payload, leaf from es.event where pos = 6",
            Some(0),
        ),
        (
            "insert into es.command select ws, gen_random_uuid(), 0, 1, 0, 0, body_hash from es.command where no = 2",
            None,
        ),
        ("insert into es.claim select ws, scope, key_mac, 2, null, -1, 1 from es.claim", None),
    ];
    for (statement, position) in cases {
        let mut owner = database.pool.begin().await.unwrap();
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
        owner.commit().await.unwrap();
        let report = database.verify().await;
        assert!(!report.findings.is_empty(), "not found: {statement}");
        if let Some(position) = position {
            let named = report
                .findings
                .iter()
                .any(|finding| finding.position.map(|p| p.0) == Some(position));
            assert!(named, "{statement}: {:?}", report.findings);
        }
        restore(&database, id).await;
    }
    database.remove().await;
}

/// Writes the same short history again: the simplest way back after damage.
async fn restore(database: &Database, id: Uuid) {
    for table in ["event", "commit", "command", "claim"] {
        let statement = AssertSqlSafe(format!("delete from es.{table}"));
        sqlx::query(statement).execute(&database.pool).await.unwrap();
    }
    let node = database.node().await;
    node.send(Bank::open(id, "a")).await.unwrap();
    for amount in 1..6 {
        node.send(Bank::Deposit { id, amount }).await.unwrap();
    }
    assert_eq!(database.verify().await.findings, []);
}
