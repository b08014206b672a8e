//! A Postgres of one's own: the database is made, the application works with a role of its own, several servers share it.

use serde_json::json;
use testkit::{GivenPostgres, Program, eventually};

fn program(postgres: &GivenPostgres) -> Program {
    Program::fresh()
        .with("DATABASE_URL", &postgres.url())
        .with("DATABASE_OWNER_URL", &postgres.owner_url())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_makes_the_database_and_the_application_cannot_change_the_log() {
    let postgres = GivenPostgres::get().await;
    let program = program(&postgres);
    let _serving = program.serve();
    let report = program.run(&["doctor", "--json"]).json();
    let findings = report["findings"].as_array().unwrap();
    let rights = findings.iter().find(|finding| finding["check"] == "rights on the log").unwrap();
    assert_eq!(rights["level"], "ok", "{rights}");
    assert!(findings.iter().all(|finding| finding["level"] != "fail"), "{findings:?}");
    assert!(!program.data().join("postgres").exists(), "no private Postgres is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_share_one_database() {
    let postgres = GivenPostgres::get().await;
    let one = program(&postgres);
    let first = one.serve();
    let other = program(&postgres);
    std::fs::create_dir_all(other.data().join("keys")).unwrap();
    std::fs::copy(one.data().join("keys/master.key"), other.data().join("keys/master.key"))
        .unwrap();
    let second = other.serve();
    one.run(&[
        "user",
        "add",
        "--email",
        "ada@example.org",
        "--name",
        "Ada",
        "--role",
        "super-admin",
    ])
    .ok();
    let token = one.run(&["token", "create", "--email", "ada@example.org"]).ok();
    let ticket = first.client(Some(&token)).open_ticket("Printer on fire").await;
    let client = second.client(Some(&token));
    assert_eq!(client.ticket(&ticket).await["name"], json!("Printer on fire"));
    first.kill();
    client.open_ticket("Still here").await;
    eventually("the views go on without the first server", || async {
        (client.view("open").await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_be_reached_is_named_without_its_password() {
    let program = Program::fresh().with("DATABASE_URL", "postgres://anna:hunter2@127.0.0.1:1/desk");
    let error = program.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(error.contains("desk on 127.0.0.1:1 cannot be reached"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}
