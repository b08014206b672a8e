//! A log that is set back beneath a running service: it stops writing, says so everywhere, and tells nobody that all is well.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use testkit::{Helpdesk, Program, eventually};

use crate::people::text;

/// What somebody does who cuts off the end of the log: everything after a commit.
const CUT: [&str; 4] = [
    "delete from es.event where pos > (select last_pos from es.commit where no = {})",
    "delete from es.command where no > {}",
    "delete from es.claim where no > {}",
    "delete from es.commit where no > {}",
];

async fn cut(owner: &mut sqlx::PgConnection, commit: i64) {
    for statement in CUT {
        let statement = AssertSqlSafe(statement.replace("{}", &commit.to_string()));
        sqlx::query(statement).execute(&mut *owner).await.unwrap();
    }
}

/// Until every view has written its place in the log down. One whose rows the last events did not touch does so a moment
/// later than it folds them (decision 0026), and rightly notices nothing when they are gone before.
async fn places_are_written(desk: &Helpdesk) {
    let head = i64::try_from(desk.head().await.0).unwrap();
    let behind = "select count(*) from (select from proj.checkpoint where ws = $1 group by schema_name \
                  having max(pos) < $2) as view";
    eventually("every view has written its place down", || async {
        let mut owner = desk.database().owner().await;
        let asked = sqlx::query_scalar(behind).bind(desk.ws().0).bind(head);
        let behind: i64 = asked.fetch_one(&mut owner).await.unwrap();
        (behind == 0).then_some(())
    })
    .await;
}

async fn verified(desk: &Helpdesk, heads: Value) -> Value {
    let begun = desk.post("/api/v1/admin/log/verify", json!({ "heads": heads })).await.status(202);
    assert_ne!(begun["state"], "none");
    eventually("the verification is done", || async {
        let verified = desk.get("/api/v1/admin/log/verify").await.ok();
        (verified["state"] == "done").then_some(verified)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_verified_over_http_against_heads_kept_elsewhere() {
    let desk = Helpdesk::start().await;
    let none = desk.get("/api/v1/admin/log/verify").await.ok();
    assert_eq!((&none["state"], &none["intact"]), (&json!("none"), &Value::Null));
    desk.open_ticket("Printer on fire").await;
    let head = desk.get("/api/v1/admin/log/head").await.ok();
    let done = verified(&desk, json!([head])).await;
    assert_eq!((&done["intact"], &done["heads_compared"]), (&json!(true), &json!(1)));
    let far = desk.sign_head(100_000, [0; 32]);
    let done = verified(&desk, json!([head, far])).await;
    assert_eq!(done["intact"], json!(false));
    assert!(done["findings"][0]["what"].as_str().unwrap().contains("cut off"), "{done}");
    let change = "update es.event set type = 'Burnt' where pos = 2";
    sqlx::query(change).execute(&mut desk.database().owner().await).await.unwrap();
    let done = verified(&desk, json!([])).await;
    assert_eq!(done["findings"][0]["position"], "2");
    for (field, value, code) in [
        ("commit", json!(7), "wrong_signature"),
        ("signature", json!("00".repeat(64)), "wrong_signature"),
        ("public_key", json!("00".repeat(32)), "head_of_another_key"),
        ("workspace", json!(desk.admin_id()), "head_of_another_workspace"),
        ("hash", json!("12"), "invalid_head"),
    ] {
        let mut changed = head.clone();
        changed[field] = value;
        let heads = json!({ "heads": [head, changed] });
        let refused = desk.post("/api/v1/admin/log/verify", heads).await;
        assert_eq!(refused.refused(422), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_log_was_set_back_stops_writing_and_says_so() {
    let mut desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    let kept = desk.service().reader.head(desk.ws()).await.unwrap();
    desk.open_ticket("Printer under water").await;
    desk.catch_up().await;
    places_are_written(&desk).await;
    let position = desk.head().await.to_string();
    desk.get("/readyz").await.ok();
    cut(&mut desk.database().owner().await, i64::try_from(kept.commit).unwrap()).await;
    let health = eventually("the service notices", || async {
        let answer = desk.get("/readyz").await;
        (answer.status == 503 && answer.json["log_continuous"] == false).then_some(answer.json)
    })
    .await;
    assert_eq!((&health["ready"], &health["log_reachable"]), (&json!(false), &json!(true)));
    let rename = json!({ "name": "Printer saved" });
    let path = format!("/api/v1/tickets/{}", ticket.id);
    assert_eq!(desk.patch(&path, rename.clone()).await.refused(503), "log_rewound");
    let request = desk
        .request(reqwest::Method::GET, "/api/v1/views/open/tickets")
        .header("Log-Position", &position);
    let list = desk.send(request).await;
    assert_eq!(
        list.header("Log-Stale"),
        Some("true"),
        "a view that is ahead of its log is not as new as asked"
    );
    eventually("the views stop", || async {
        let views = desk.get("/api/v1/admin/projections").await.ok();
        let stopped = |view: &Value| {
            view["state"] == "stopped"
                && view["reason"].as_str().is_some_and(|why| why.contains("rewound"))
        };
        views["items"].as_array().unwrap().iter().all(stopped).then_some(())
    })
    .await;
    let metrics = desk.get("/metrics").await.text();
    let line = format!("ledgerdesk_log_rewound{{ws=\"{}\"}} 1", desk.ws().0);
    assert!(metrics.contains(&line), "{line} in {metrics}");
    // What the operator does next is not refused because it cannot be recorded: a build begins, and is given up again.
    let build = |what: &str| format!("/api/v1/admin/projections/drafts/{what}");
    desk.post(&build("rebuild"), json!({})).await.status(202);
    desk.post(&build("abort"), json!({})).await.ok();
    // Started anew it knows of nothing that is gone, but its views do: they stay stopped, and it is not ready.
    desk.restart().await;
    eventually("the views stop again", || async {
        let answer = desk.get("/readyz").await;
        let stopped = |view: &Value| view["state"] == "stopped";
        let views = answer.json["views"]
            .as_array()
            .is_some_and(|views| !views.is_empty() && views.iter().all(stopped));
        (answer.status == 503 && views).then_some(())
    })
    .await;
    desk.patch(&path, rename).await.ok();
}

/// What a client that comes back with this place is told first: the name, the id, the reason.
async fn told_first(desk: &Helpdesk, left: &str) -> (String, String, Value) {
    let first = desk.listen(Some(left)).await.next().await.unwrap();
    (first.event, first.bookmark, first.data["reason"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_to_a_log_that_was_set_back_and_has_grown_past_them_is_told() {
    let mut desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    let bookmark = async |desk: &Helpdesk| {
        let head = desk.head().await;
        text(&desk.get(&format!("/api/v1/events?after={head}")).await.ok()["bookmark"])
    };
    let kept = desk.service().reader.head(desk.ws()).await.unwrap();
    let common = bookmark(&desk).await;
    let keyed = [("idempotency-key", "water")];
    let comment = async |desk: &Helpdesk| {
        let body = json!({ "text": "Use water" });
        let done = desk.write_with(Method::POST, &ticket.at("/comments"), body, &keyed).await;
        done.ok()["position"].clone()
    };
    let mut listener = desk.listen(None).await;
    assert_eq!(listener.next().await.unwrap().bookmark, common);
    let position = comment(&desk).await;
    let left = listener.next().await.unwrap().bookmark;
    assert_eq!(left, bookmark(&desk).await, "both endpoints name a place alike");
    drop(listener);
    cut(&mut desk.database().owner().await, i64::try_from(kept.commit).unwrap()).await;
    desk.restart().await;
    let feed = async |desk: &Helpdesk, after: &str| {
        desk.get(&format!("/api/v1/events?after={after}")).await
    };
    assert_eq!(feed(&desk, &left).await.refused(409), "log_rewound");
    let ahead = ("reset".to_owned(), common.clone(), json!("ahead"));
    assert_eq!(told_first(&desk, &left).await, ahead);
    // The same command again has the same position: its event is another one all the same.
    assert_eq!(comment(&desk).await, position);
    desk.comment(&ticket, "Not water!").await;
    let end = bookmark(&desk).await;
    let refused = feed(&desk, &left).await;
    assert!(refused.json["detail"].as_str().unwrap().contains("read from 0"), "{}", refused.json);
    assert_eq!(refused.refused(409), "log_rewound");
    let rewound = desk.listen(Some(&left)).await.next().await.unwrap();
    assert_eq!((&*rewound.event, &rewound.data["reason"]), ("reset", &json!("rewound")));
    assert!(rewound.id > kept.position.0);
    // What is common to both goes on without a hole.
    let first = kept.position.0 + 1;
    assert_eq!(feed(&desk, &common).await.ok()["items"][0]["position"], first.to_string());
    let goes_on = ("position".to_owned(), common.clone(), Value::Null);
    assert_eq!(told_first(&desk, &common).await, goes_on);
    assert_eq!(text(&feed(&desk, &end).await.ok()["bookmark"]), end);
    // A bare position is not compared.
    let bare = text(&position);
    feed(&desk, &bare).await.ok();
    assert_eq!(told_first(&desk, &bare).await, ("position".to_owned(), bare, Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_followed_log_that_is_set_back_ends_with_a_complaint_and_the_doctor_names_the_views() {
    let program = Program::fresh();
    let serving = program.serve();
    let add =
        ["user", "add", "--email", "ben@desk.example.org", "--name", "Ben", "--role", "agent"];
    program.run(&add).ok();
    let mut command = program.command(&["log", "tail", "--follow", "--limit", "1"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("UserAdded"));
    let mut owner = program.owner().await;
    let last: i64 =
        sqlx::query_scalar("select max(no) from es.commit").fetch_one(&mut owner).await.unwrap();
    let folded = "select count(*) from proj.checkpoint where commit_no = $1";
    eventually("the views have folded it", || async {
        let mut owner = program.owner().await;
        let views: i64 = sqlx::query_scalar(folded).bind(last).fetch_one(&mut owner).await.unwrap();
        (views >= 5).then_some(())
    })
    .await;
    cut(&mut owner, last - 1).await;
    let mut complaint = String::new();
    tail.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!(tail.wait().unwrap().code(), Some(1), "{complaint}");
    assert!(complaint.contains("the log was rewound"), "{complaint}");
    let doctor = program.run(&["doctor"]);
    assert_eq!(doctor.code, 1, "{}", doctor.stdout);
    assert!(doctor.stdout.contains("the log was set back beneath its views"), "{}", doctor.stdout);
    drop(serving);
}
