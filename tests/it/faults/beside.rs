//! Commands beside a running server, under load: each does its work, and the server knows of it.

use std::io::Write;

use serde_json::json;
use testkit::eventually;

use super::chance::Chance;
use super::check;
use super::desk::Desk;
use super::import_killed::mbox;
use super::load::{Load, writers};

const WRITERS: usize = 3;
const CONVERSATIONS: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn users_tokens_and_history_come_in_beside_a_server_at_work() {
    let mut chance = Chance::seeded(20_266);
    let desk = Desk::start().await;
    let load = Load::start(writers(WRITERS, &mut chance), &desk.client());
    load.gauge.wait_for_accepted(5).await;

    let bob =
        ["user", "add", "--email", "bob@desk.example.org", "--name", "Bob", "--role", "agent"];
    let id = desk.run(&bob).ok();
    let token = desk.run(&["token", "create", "--email", "bob@desk.example.org"]).ok();
    let me = desk.serving().client(Some(&token)).get("/api/v1/me").await.ok();
    assert_eq!(me["id"], id);
    desk.run(&bob).failed(1);
    desk.run(&["serve", "--listen", "127.0.0.1:0"]).failed(1);

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(mbox(CONVERSATIONS).as_bytes()).unwrap();
    let path = file.path().to_str().unwrap();
    let import = ["import", "mbox", path, "--json"];
    let reports = std::thread::scope(|scope| {
        let twice = [(); 2].map(|()| scope.spawn(|| desk.program.run(&import)));
        tokio::task::block_in_place(|| twice.map(|thread| thread.join().unwrap().json()))
    });
    let made: u64 = reports.iter().map(|report| report["tickets_created"].as_u64().unwrap()).sum();
    assert_eq!(made, CONVERSATIONS as u64, "two at once make each once: {reports:?}");

    load.gauge.wait_for_accepted(5).await;
    let mut writers = load.stop().await;
    let client = desk.client();
    for writer in &mut writers {
        writer.settle(&client).await;
        check::repeats_answer_the_same(&client, &writer.journal).await;
    }
    let tickets = writers.iter().flat_map(|writer| &writer.tickets);
    check::tickets_are_as_acknowledged(&client, tickets).await;
    eventually("the views hold what was imported", || async {
        let counts = client.get("/api/v1/views/counts").await.ok();
        (counts["closed"] == json!(CONVERSATIONS)).then_some(())
    })
    .await;
    desk.verify();
}
