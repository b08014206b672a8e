//! The first start and every later one: from an empty folder to a signed-in administrator, and back after a crash.

use serde_json::json;
use testkit::{Helpdesk, Program};

#[tokio::test(flavor = "multi_thread")]
async fn a_service_starts_with_an_administrator_and_views_that_follow() {
    let mut desk = Helpdesk::start().await;
    desk.catch_up().await;
    let me = desk.get("/api/v1/me").await.ok();
    assert_eq!(me["email"], testkit::ADMIN_EMAIL);
    desk.anonymous().get("/api/v1/me").await.status(401);
    desk.restart().await;
    assert_eq!(desk.get("/api/v1/me").await.ok()["email"], testkit::ADMIN_EMAIL);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_folder_leads_to_a_signed_in_administrator() {
    let program = Program::fresh();
    let serving = program.serve();
    assert!(serving.setup_link().is_some_and(|link| link.contains("/setup?token=")));
    let id = program
        .run(&[
            "user",
            "add",
            "--email",
            "anna@example.org",
            "--name",
            "Anna",
            "--role",
            "super-admin",
        ])
        .ok();
    let token = program.run(&["token", "create", "--email", "Anna@Example.org", "--json"]).json();
    let client = serving.client(token["token"].as_str());
    let me = client.get("/api/v1/me").await.ok();
    assert_eq!((me["id"].as_str(), me["name"].as_str()), (Some(id.as_str()), Some("Anna")));
    assert!(serving.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_setup_link_makes_the_first_administrator_once() {
    let program = Program::fresh();
    let serving = program.serve();
    let link = serving.setup_link().expect("a link").to_owned();
    let (_, token) = link.split_once("token=").expect("a token in the link");
    let body = json!({ "token": token, "email": "anna@example.org", "name": "Anna", "password": "correct horse battery" });
    let client = serving.client(None);
    client.post("/api/v1/setup", body.clone()).await.ok();
    assert!(!client.post("/api/v1/setup", body).await.status.is_success());
    let signed_in = json!({ "email": "anna@example.org", "password": "correct horse battery" });
    client.post("/api/v1/session", signed_in).await.ok();
    assert_eq!(client.get("/api/v1/me").await.ok()["role"], "super_admin");
    drop(serving);
    assert!(program.serve().setup_link().is_none(), "there is somebody who can sign in");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_makes_the_first_administrator_without_a_browser() {
    let program = Program::fresh()
        .with("LEDGERDESK_ADMIN_EMAIL", "anna@example.org")
        .with("LEDGERDESK_ADMIN_PASSWORD", "correct horse battery");
    for _ in 0..2 {
        let serving = program.serve();
        assert!(serving.setup_link().is_none());
        let client = serving.client(None);
        let body = json!({ "email": "anna@example.org", "password": "correct horse battery" });
        client.post("/api/v1/session", body).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_survives_a_restart_and_a_crash() {
    let program = Program::fresh();
    let serving = program.serve();
    program
        .run(&["user", "add", "--email", "a@example.org", "--name", "A", "--role", "agent"])
        .ok();
    serving.kill();
    let serving = program.serve();
    program
        .run(&["user", "add", "--email", "b@example.org", "--name", "B", "--role", "agent"])
        .ok();
    assert!(serving.terminate().success());
    let serving = program.serve();
    for email in ["a@example.org", "b@example.org"] {
        program.run(&["token", "create", "--email", email]).ok();
    }
    let report = program.run(&["log", "verify", "--json"]).json();
    assert_eq!(report["findings"], json!([]));
    drop(serving);
}

#[test]
fn another_key_file_is_refused_and_so_is_a_missing_one() {
    let program = Program::fresh();
    assert!(program.serve().terminate().success());
    let keys = program.data().join("keys/master.key");
    let kept = program.data().join("kept.key");
    std::fs::rename(&keys, &kept).unwrap();
    let missing = program.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(missing.contains("is missing"), "{missing}");
    let other = Program::fresh();
    assert!(other.serve().terminate().success());
    std::fs::copy(other.data().join("keys/master.key"), &keys).unwrap();
    let wrong = program.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(wrong.contains("does not belong to this database"), "{wrong}");
    std::fs::rename(&kept, &keys).unwrap();
    assert!(program.serve().terminate().success());
}

#[test]
fn a_port_that_is_taken_is_said_so_before_anything_is_started() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let program = Program::fresh();
    let error = program.run(&["serve", "--listen", &address]).failed(1);
    assert!(error.contains("another program uses this port"), "{error}");
    assert!(!program.data().join("postgres").exists());
}

#[test]
fn a_second_server_on_one_folder_is_refused() {
    let program = Program::fresh();
    let _first = program.serve();
    let error = program.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(error.contains("another `ledgerdesk serve` uses the data folder"), "{error}");
}
