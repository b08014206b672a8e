//! Nothing hangs: clients that send half of something, or go away in the middle.

use std::time::Instant;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use super::wire::{PATIENCE, connect, head, rest_of};
use super::world::World;

const BODY: &str = r#"{"name":"Never finished"}"#;

/// Requests that end before they are done, with what the service says before it hangs up.
fn halves(token: &str) -> Vec<(&'static str, String, &'static str)> {
    let length = format!("content-length: {}", BODY.len());
    let chunked = "transfer-encoding: chunked";
    let multipart = "content-type: multipart/form-data; boundary=x";
    let half = &BODY[..10];
    let tickets = |more: &str| head("POST", "/api/v1/tickets", token, &[more]);
    let upload = head("POST", "/api/v1/uploads", token, &["content-length: 1000"])
        .replace("content-type: application/json", multipart);
    let file = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhalf";
    vec![
        ("no body", format!("{}\r\n", tickets(&length)), "408"),
        ("half a body", format!("{}\r\n{half}", tickets(&length)), "408"),
        ("half a chunk", format!("{}\r\nff\r\n{half}", tickets(chunked)), "408"),
        ("half a file", format!("{upload}\r\n{file}"), "408"),
        ("nothing", String::new(), ""),
        ("half a request line", "POST /api/v1/tick".to_owned(), ""),
        ("half a head", tickets(&length), ""),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_is_given_up_after_a_while() {
    let world = World::new().await;
    let before = world.head().await;
    let mut waiting = JoinSet::new();
    for (what, bytes, status) in halves(world.desk.admin_token()) {
        let mut stream = connect(&world.desk).await;
        waiting.spawn(async move {
            let started = Instant::now();
            stream.write_all(bytes.as_bytes()).await.unwrap();
            let answer = rest_of(&mut stream).await;
            assert!(started.elapsed() < PATIENCE, "{what}");
            assert!(answer.is_empty() || answer.contains("HTTP/1.1 408"), "{what}: {answer}");
            assert!(answer.contains(status), "{what}: {answer:?}");
        });
    }
    // A head that comes drop by drop is no quicker than one that does not come.
    let mut stream = connect(&world.desk).await;
    let drops = head(
        "GET",
        "/api/v1/me",
        world.desk.admin_token(),
        &["x-filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    );
    waiting.spawn(async move {
        let started = Instant::now();
        for drop in drops.bytes() {
            if stream.write_all(&[drop]).await.is_err() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        }
        assert!(started.elapsed() < PATIENCE, "drop by drop");
    });
    // Meanwhile everybody else is served.
    for _ in 0..20 {
        world.desk.get("/api/v1/me").await.ok();
    }
    while let Some(ended) = waiting.join_next().await {
        ended.unwrap();
    }
    assert_eq!(world.head().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_in_the_middle_leaves_nothing_behind() {
    let world = World::new().await;
    let before = world.head().await;
    for (what, bytes, _) in halves(world.desk.admin_token()) {
        let mut stream = connect(&world.desk).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let answer = rest_of(&mut stream).await;
        let known = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(known, "{what}: {answer}");
        let mut stream = connect(&world.desk).await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        // Both directions at once.
        drop(stream);
    }
    assert_eq!(world.head().await, before);
    // Whoever sends everything and does not wait for the answer has said everything: it is written once, or not at all.
    let whole = head(
        "POST",
        "/api/v1/tickets",
        world.desk.admin_token(),
        &["content-length: 25", "idempotency-key: gone"],
    );
    let mut stream = connect(&world.desk).await;
    stream.write_all(format!("{whole}\r\n{BODY}").as_bytes()).await.unwrap();
    drop(stream);
    let body = json!({ "name": "Never finished" });
    let made = world
        .desk
        .write_with(reqwest::Method::POST, "/api/v1/tickets", body, &[("idempotency-key", "gone")])
        .await
        .status(201);
    let path = format!("/api/v1/tickets/{}", made["id"].as_str().unwrap());
    assert_eq!(world.desk.get(&path).await.ok()["version"], made["version"]);
    world.desk.catch_up().await;
    assert_eq!(
        world.desk.view("open").await.iter().filter(|name| *name == "Never finished").count(),
        1
    );
}
