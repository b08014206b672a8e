//! The clock is set back and far ahead while the service works: of the database, of the server, of both. The log goes on, its
//! times never run backwards, and what a wrong clock left behind does no harm once it is right again.

mod machine;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, eventually};

use super::desk::{Desk, EMAIL, PASSWORD};
use super::send::{Ack, Ask};
use machine::{Clock, Whose, to_2090};

const HOUR: i64 = 3_600;
/// One more than may fail before an account has to wait.
const FAILURES: usize = 11;

/// What was written under one setting of the clock.
struct Written {
    ask: Ask,
    ack: Ack,
}

/// Opens a ticket, writes on it, and finds both; as at any other time.
async fn works(client: &Client, name: &str) -> Written {
    let ask = Ask::post(format!("key {name}"), "/api/v1/tickets", json!({ "name": name }));
    let ack = ask.settle(client).await;
    let path = format!("/api/v1/tickets/{}", ack.body["id"].as_str().unwrap());
    for text in ["one", "two"] {
        client.post(&format!("{path}/comments"), json!({ "text": text })).await.ok();
    }
    eventually("ticket and comments can be read", || async {
        let thread = client.get(&format!("{path}/thread")).await.ok();
        let said: Vec<_> = thread["items"].as_array()?.iter().map(|item| &item["text"]).collect();
        let listed = client.view("open").await;
        (said == ["one", "two"] && listed.iter().any(|row| row == name)).then_some(())
    })
    .await;
    assert_eq!(ask.settle(client).await, ack);
    Written { ask, ack }
}

/// A client that signs in with the password, and what it was answered.
async fn sign_in(desk: &Desk, password: &str) -> (Client, u16) {
    let client = desk.serving().client(None);
    let body = json!({ "email": EMAIL, "password": password });
    let status = client.post("/api/v1/session", body).await.status.as_u16();
    (client, status)
}

async fn is_signed_in(client: &Client) -> bool {
    client.get("/api/v1/me").await.status.is_success()
}

fn year(time: &Value) -> i32 {
    time.as_str().unwrap()[..4].parse().unwrap()
}

async fn created_in(client: &Client, written: &Written) -> i32 {
    let path = format!("/api/v1/tickets/{}", written.ack.body["id"].as_str().unwrap());
    year(&client.get(&path).await.ok()["created_at"])
}

fn finding(desk: &Desk, check: &str) -> Value {
    let report: Value = serde_json::from_str(&desk.run(&["doctor", "--json"]).stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["check"] == check).unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_whatever_the_clock_says_and_a_mended_clock_mends_the_rest() {
    let clock = Clock::new();
    let desk = Desk::with(clock.program()).await;
    let client = desk.client();
    let (session, _) = sign_in(&desk, PASSWORD).await;
    let mut written = vec![works(&client, "right").await];
    let this_year = created_in(&client, &written[0]).await;
    assert_eq!(finding(&desk, "time of the log")["level"], "ok");

    for whose in [Whose::Database, Whose::Server, Whose::Both] {
        clock.set(whose, -HOUR);
        written.push(works(&client, &format!("an hour back {whose:?}")).await);
        assert!(is_signed_in(&session).await, "{whose:?}");
    }
    clock.set(Whose::Server, to_2090());
    written.push(works(&client, "server in 2090").await);
    assert!(!is_signed_in(&session).await, "a session does not last for decades");
    assert_eq!(finding(&desk, "clock")["level"], "fail");

    clock.set(Whose::Both, to_2090());
    written.push(works(&client, "2090").await);
    assert_eq!(created_in(&client, written.last().unwrap()).await, 2090);
    let (future, signed_in) = sign_in(&desk, PASSWORD).await;
    assert_eq!((signed_in, is_signed_in(&future).await), (200, true));
    for _ in 0..FAILURES {
        sign_in(&desk, "not the password").await;
    }
    assert_eq!(sign_in(&desk, PASSWORD).await.1, 429);

    clock.set(Whose::Both, 0);
    let (present, signed_in) = sign_in(&desk, PASSWORD).await;
    assert_eq!(signed_in, 200, "who failed in 2090 does not wait until then");
    assert!(is_signed_in(&present).await);
    assert!(!is_signed_in(&future).await, "a session of 2090 does not last until then");
    let mended = works(&client, "mended").await;
    assert_eq!(created_in(&client, &mended).await, this_year);
    written.push(mended);
    let time = finding(&desk, "time of the log");
    assert_eq!(time["level"], "warn", "{time}");

    for Written { ask, ack } in &written {
        assert_eq!(&ask.settle(&client).await, ack);
    }
    times_never_run_backwards(&desk);
    let views = client.send(client.request(Method::GET, "/readyz")).await;
    views.ok();
}

fn times_never_run_backwards(desk: &Desk) {
    let log = desk.log();
    let times: Vec<_> = log.iter().map(|event| event["at"].as_str().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
    desk.verify();
}
