//! Commands beside several servers: each works on the database that all share, and every server knows of what it did.

use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use testkit::eventually;

use super::cluster::Cluster;

const MAILS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_does_beside_several_servers_is_known_to_all_of_them() {
    let cluster = Cluster::start(3).await;
    let bob =
        ["user", "add", "--email", "bob@desk.example.org", "--name", "Bob", "--role", "agent"];
    let id = cluster.run(1, &bob).ok();
    let token = cluster.run(2, &["token", "create", "--email", "bob@desk.example.org"]).ok();
    for node in 0..cluster.count() {
        let me = cluster.serving(node).client(Some(&token)).get("/api/v1/me").await.ok();
        assert_eq!(me["id"], id.as_str());
    }
    cluster.run(0, &bob).failed(1);

    let mut file = tempfile::NamedTempFile::new().unwrap();
    for number in 0..MAILS {
        write!(
            file,
            "From sender Thu Jan  1 00:00:00 2026\nFrom: customer-{number}@example.org\n\
             To: help@desk.example.org\nSubject: Question {number}\n\
             Message-ID: <{number}@example.org>\nDate: Thu, 1 Jan 2026 10:00:00 +0000\n\nHello\n\n"
        )
        .unwrap();
    }
    let import = ["import", "mbox", file.path().to_str().unwrap(), "--json"];
    // Two at once, each in the place of another server.
    let twice =
        [0, 1].map(|node| cluster.command(node, &import).stdout(Stdio::piped()).spawn().unwrap());
    let reports = tokio::task::block_in_place(|| {
        twice.map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{output:?}");
            serde_json::from_slice::<Value>(&output.stdout).unwrap()
        })
    });
    let made: u64 = reports.iter().map(|report| report["tickets_created"].as_u64().unwrap()).sum();
    assert_eq!(made, MAILS as u64, "two at once make each once: {reports:?}");
    for client in cluster.clients() {
        eventually("every server lists what was imported", || async {
            let counts = client.get("/api/v1/views/counts").await.ok();
            (counts["closed"] == json!(MAILS)).then_some(())
        })
        .await;
        let number = client.open_ticket("After the import").await.number;
        assert!(number > MAILS as u64);
    }
    let report = cluster.run(2, &["doctor", "--json"]).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["level"] != "fail"), "{findings:?}");
    let views = cluster.run(1, &["projection", "list", "--json"]).json();
    assert!(!views.to_string().contains("stopped"), "{views}");
    cluster.run(0, &["ticket", "show", "1"]).ok();
    cluster.verify();
}
