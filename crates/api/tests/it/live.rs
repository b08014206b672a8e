//! Live messages (P03): who may have them, for how long, and what becomes of those who do not keep up.

use std::time::Duration;

use api::{Limits, Settings};
use http::StatusCode;
use serde_json::{Value, json};

use super::listener::Listener;
use super::service::{Service, WS};

fn limits() -> Limits {
    Limits::default()
}

async fn with(limits: Limits) -> (Service, String) {
    Service::set_up_with(Settings { limits, ..Settings::default() }).await
}

async fn head(service: &Service) -> u64 {
    service.app.reader().head(WS).await.unwrap().position.0
}

/// Something happens that everybody may know; answers its position.
async fn happens(service: &Service, cookie: &str, name: &str) -> u64 {
    let body = json!({ "name": name, "emails": [format!("{name}@example.org")] });
    let made = service.post("/api/v1/contacts", &body, &[("cookie", cookie)]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["position"].as_str().unwrap().parse().unwrap()
}

async fn a_ticket(service: &Service, cookie: &str) -> String {
    let pipeline =
        json!({ "name": "Support", "statuses": [{ "name": "New", "category": "open" }] });
    let pipeline = service.post("/api/v1/pipelines", &pipeline, &[("cookie", cookie)]).await;
    let body = json!({ "name": "Fire", "pipeline_id": pipeline.json()["id"] });
    let made = service.post("/api/v1/tickets", &body, &[("cookie", cookie)]).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn refused(service: &Service, path: &str, headers: &[(&str, &str)]) -> (StatusCode, String) {
    let answer = service.get(path, headers).await;
    (answer.status, answer.code())
}

#[tokio::test]
async fn a_connection_says_where_it_begins_and_then_what_happens_p03() {
    let (service, anna) = with(limits()).await;
    let before = head(&service).await;
    let mut listener = Listener::connect(&service, &anna, None).await;
    assert_eq!(
        listener.expect("position").await,
        (before, json!({ "position": before.to_string() }))
    );
    let ticket = a_ticket(&service, &anna).await;
    assert_eq!(listener.expect("message").await.1["stream"]["kind"], "pipeline");
    let (id, told) = listener.expect("message").await;
    assert_eq!(id, head(&service).await);
    assert_eq!((&told["ticket_id"], &told["kinds"]), (&json!(ticket), &json!(["TicketCreated"])));
    let position = happens(&service, &anna, "cleo").await;
    let (id, told) = listener.expect("message").await;
    assert_eq!((id, &told["stream"]["kind"]), (position, &json!("contact")));
}

#[tokio::test]
async fn where_to_begin_has_to_be_a_position() {
    let (service, anna) = with(limits()).await;
    let cookie = ("cookie", anna.as_str());
    for wrong in
        ["", "x", "-1", "1.5", "99999999999999999999", "%00", "1-", "1-0000000A", "0-0000000a"]
    {
        let path = format!("/api/v1/live?after={wrong}");
        assert_eq!(
            refused(&service, &path, &[cookie]).await,
            (StatusCode::BAD_REQUEST, "invalid_parameter".to_owned()),
            "{wrong}"
        );
    }
    for wrong in ["", "x", "-1", "1 2", "1-", "1-0000000A", "0-0000000a"] {
        assert_eq!(
            refused(&service, "/api/v1/live", &[cookie, ("last-event-id", wrong)]).await,
            (StatusCode::BAD_REQUEST, "invalid_last_event_id".to_owned()),
            "{wrong}"
        );
    }
    assert_eq!(service.app.live().connections(), 0);
}

#[tokio::test]
async fn who_names_a_position_that_the_log_does_not_have_is_told_to_load_again() {
    let (service, anna) = with(limits()).await;
    let head = head(&service).await;
    let mut listener = Listener::connect(&service, &anna, Some(head + 1)).await;
    let (id, told) = listener.expect("reset").await;
    assert_eq!((id, &told["reason"]), (head, &json!("ahead")));
    let position = happens(&service, &anna, "cleo").await;
    assert_eq!(listener.expect("message").await.0, position);
}

#[tokio::test]
async fn silence_is_broken_by_the_position_that_was_reached() {
    let heartbeat = Duration::from_millis(100);
    let (service, anna) = with(Limits { live_heartbeat: heartbeat, ..limits() }).await;
    let (_, ben) = service.user(&anna, "ben", "agent").await;
    let ticket = a_ticket(&service, &anna).await;
    let mut listener = Listener::connect(&service, &ben, None).await;
    let (begin, _) = listener.expect("position").await;
    // A draft is told to its writer alone; the others only come past it.
    let path = format!("/api/v1/tickets/{ticket}/drafts/comment");
    let saved =
        service.ask("PUT", &path, Some(&json!({ "text": "x" })), &[("cookie", &anna)]).await;
    assert_eq!(saved.status, 200, "{}", saved.text);
    let head = head(&service).await;
    assert!(head > begin);
    for (event, id) in listener.until(head).await {
        assert_eq!(event, "position", "{id}");
    }
    let mut own = Listener::connect(&service, &anna, Some(begin)).await;
    own.expect("position").await;
    let (_, told) = own.expect("message").await;
    assert_eq!((&told["ticket_id"], &told["stream"]["kind"]), (&Value::Null, &json!("draft")));
}

#[tokio::test]
async fn who_falls_behind_what_is_kept_reads_the_log_and_misses_nothing() {
    let (service, anna) = with(Limits { live_kept_max: 5, ..limits() }).await;
    // It never reads until the others are through.
    let mut slow = Listener::connect(&service, &anna, None).await;
    let mut quick = Listener::connect(&service, &anna, None).await;
    quick.expect("position").await;
    let mut positions = Vec::new();
    for n in 0..30 {
        let position = happens(&service, &anna, &format!("c{n}")).await;
        assert_eq!(quick.expect("message").await.0, position);
        positions.push(position);
    }
    slow.expect("position").await;
    let told: Vec<u64> = slow.until(positions[29]).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(told, positions);
    let mut late = Listener::connect(&service, &anna, Some(positions[3])).await;
    late.expect("position").await;
    let told: Vec<u64> = late.until(positions[29]).await.into_iter().map(|(_, id)| id).collect();
    assert_eq!(told, positions[4..]);
}

#[tokio::test]
async fn who_is_far_behind_is_told_to_load_again() {
    let (service, anna) = with(Limits { live_behind_max: 10, ..limits() }).await;
    let begin = head(&service).await;
    let mut slow = Listener::connect(&service, &anna, None).await;
    let mut quick = Listener::connect(&service, &anna, None).await;
    quick.expect("position").await;
    for n in 0..12 {
        happens(&service, &anna, &format!("c{n}")).await;
        quick.expect("message").await;
    }
    let head = head(&service).await;
    slow.expect("position").await;
    let (id, told) = slow.expect("reset").await;
    assert_eq!((id, &told["reason"]), (head, &json!("behind")));
    let mut late = Listener::connect(&service, &anna, Some(begin)).await;
    assert_eq!(late.expect("reset").await.0, head);
    let position = happens(&service, &anna, "last").await;
    assert_eq!(late.expect("message").await.0, position);
    assert_eq!(slow.expect("message").await.0, position);
}

#[tokio::test]
async fn so_many_connections_there_may_be_and_no_more() {
    let bounds = Limits { live_per_user_max: 2, live_max: 3, ..limits() };
    let (service, anna) = with(bounds).await;
    let (_, ben) = service.user(&anna, "ben", "agent").await;
    let first = Listener::connect(&service, &anna, None).await;
    let _second = Listener::connect(&service, &anna, None).await;
    let answer = service.get("/api/v1/live", &[("cookie", &anna)]).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (429, "too_many_connections".to_owned()));
    assert!(answer.headers.contains_key("retry-after"));
    let _third = Listener::connect(&service, &ben, None).await;
    let answer = service.get("/api/v1/live", &[("cookie", &ben)]).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "full".to_owned()));
    assert!(answer.headers.contains_key("retry-after"));
    drop(first);
    let _fourth = Listener::connect(&service, &anna, None).await;
    assert_eq!(service.app.live().connections(), 3);
}

#[tokio::test]
async fn a_connection_ends_with_the_session_and_at_once() {
    let (service, anna) = with(limits()).await;
    let mut listener = Listener::connect(&service, &anna, None).await;
    listener.expect("position").await;
    let signed_out = service.ask("DELETE", "/api/v1/session", None, &[("cookie", &anna)]).await;
    assert_eq!(signed_out.status, 204);
    listener.end().await;
    let answer = service.get("/api/v1/live", &[("cookie", &anna)]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn a_session_or_token_that_ended_elsewhere_is_noticed_and_no_other_is_touched() {
    let every = Duration::from_millis(100);
    let bounds = Limits { live_check_every: every, live_heartbeat: every, ..limits() };
    let (service, anna) = with(bounds).await;
    let made = service.post("/api/v1/tokens", &json!({ "name": "x" }), &[("cookie", &anna)]).await;
    let token = made.json()["id"].as_str().unwrap().parse().unwrap();
    let bearer = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let mut by_session = Listener::connect(&service, &anna, None).await;
    let mut by_token = Listener::with_header(&service, "authorization", &bearer).await;
    // Several looks find nothing wrong.
    for _ in 0..6 {
        by_session.expect("position").await;
        by_token.expect("position").await;
    }
    assert!(service.app.ops().tokens.revoke(WS, token, service.app.now()).await.unwrap());
    by_token.end().await;
    by_session.expect("position").await;
    let secret = anna.split_once('=').unwrap().1;
    service.app.ops().sessions.revoke(secret).await.unwrap();
    by_session.end().await;
}

#[tokio::test]
async fn a_token_that_is_revoked_takes_its_connection_along() {
    let (service, anna) = with(limits()).await;
    let made = service.post("/api/v1/tokens", &json!({ "name": "x" }), &[("cookie", &anna)]).await;
    let bearer = format!("Bearer {}", made.json()["token"].as_str().unwrap());
    let mut listener = Listener::with_header(&service, "authorization", &bearer).await;
    listener.expect("position").await;
    let path = format!("/api/v1/tokens/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(service.ask("DELETE", &path, None, &[("cookie", &anna)]).await.status, 200);
    listener.end().await;
    let answer = service.get("/api/v1/live", &[("authorization", &bearer)]).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn other_rights_end_a_connection_and_whoever_comes_back_goes_on() {
    let (service, anna) = with(limits()).await;
    let (id, ben) = service.user(&anna, "ben", "agent").await;
    let mut listener = Listener::connect(&service, &ben, None).await;
    listener.expect("position").await;
    let mut other = Listener::connect(&service, &anna, None).await;
    other.expect("position").await;
    let path = format!("/api/v1/users/{id}");
    let admin = [("cookie", anna.as_str())];
    let body = json!({ "role": "light_agent" });
    assert_eq!(service.ask("PATCH", &path, Some(&body), &admin).await.status, 200);
    let last = listener.end().await;
    assert_eq!(last, head(&service).await);
    let mut again = Listener::connect(&service, &ben, Some(last)).await;
    again.expect("position").await;
    let position = happens(&service, &anna, "cleo").await;
    assert_eq!(again.expect("message").await.0, position);
    let body = json!({ "active": false });
    assert_eq!(service.ask("PATCH", &path, Some(&body), &admin).await.status, 200);
    again.end().await;
    let answer = service.get("/api/v1/live", &[("cookie", &ben)]).await;
    assert_eq!(answer.status, 401);
    // Nobody else is touched.
    assert_eq!(other.expect("message").await.1["kinds"], json!(["UserRoleChanged"]));
}

#[tokio::test]
async fn a_log_that_was_rewound_is_told() {
    let (service, anna) = with(limits()).await;
    let kept = head(&service).await;
    happens(&service, &anna, "lost").await;
    let mut listener = Listener::connect(&service, &anna, None).await;
    listener.expect("position").await;
    service
        .as_owner(&[
            &format!("delete from es.event where pos > {kept}"),
            &format!("delete from es.commit where last_pos > {kept}"),
        ])
        .await;
    let (id, told) = listener.expect("reset").await;
    assert_eq!((id, &told["reason"]), (kept, &json!("rewound")));
}

#[tokio::test]
async fn who_was_away_while_the_log_was_set_back_and_grew_again_is_told() {
    let heartbeat = Duration::from_millis(100);
    let (service, anna) = with(Limits { live_heartbeat: heartbeat, ..limits() }).await;
    let kept = head(&service).await;
    let mut witness = Listener::connect(&service, &anna, None).await;
    witness.expect("position").await;
    let common = witness.left.clone();
    let lost = happens(&service, &anna, "lost").await;
    witness.until(lost).await;
    let left = witness.left.clone();
    assert!(left.starts_with(&format!("{lost}-")) && common.starts_with(&format!("{kept}-")));
    // Nothing was lost so far: each may go on.
    for place in [&common, &left] {
        let mut back = Listener::resume(&service, &anna, Some(place)).await;
        back.expect("position").await;
        assert_eq!(&back.left, place);
    }
    service
        .as_owner(&[
            &format!("delete from es.event where pos > {kept}"),
            &format!("delete from es.commit where last_pos > {kept}"),
        ])
        .await;
    while witness.next().await.unwrap().0 != "reset" {}
    let mut back = Listener::resume(&service, &anna, Some(&left)).await;
    let (id, told) = back.expect("reset").await;
    assert_eq!((id, &told["reason"], &back.left), (kept, &json!("ahead"), &common));
    let more = lost - kept + 2;
    service
        .as_owner(&[
            &format!(
                "insert into es.event
                 select ws, pos + n, at, null, gen_random_uuid(), 1, 'draft', 'DraftStarted', 1, gen_random_uuid(), actor, '{{}}', '{{}}', leaf
                   from (select * from es.event order by pos desc limit 1) last, generate_series(1, {more}) n"
            ),
            &format!(
                "insert into es.commit
                 select ws, no + 1, last_pos + 1, last_pos + {more}, last_number, last_directory, at, node, content, hash
                   from (select * from es.commit order by no desc limit 1) last"
            ),
        ])
        .await;
    witness.until(kept + more).await;
    let mut back = Listener::resume(&service, &anna, Some(&left)).await;
    let (id, told) = back.expect("reset").await;
    assert_eq!(
        (id, &told),
        (kept + more, &json!({ "position": id.to_string(), "reason": "rewound" }))
    );
    let end = back.left.clone();
    assert!(end.starts_with(&format!("{id}-")), "{end}");
    // What is there still, and what is not compared, goes on.
    for place in [common, end, lost.to_string()] {
        let mut back = Listener::resume(&service, &anna, Some(&place)).await;
        back.expect("position").await;
        assert_eq!(back.left, place);
    }
}

#[tokio::test]
async fn a_server_that_stops_ends_every_connection_and_takes_no_more() {
    let (service, anna) = with(limits()).await;
    let mut read = Listener::connect(&service, &anna, None).await;
    read.expect("position").await;
    let mut unread = Listener::connect(&service, &anna, None).await;
    service.app.live().stop();
    assert_eq!(read.next().await, None);
    assert_eq!(unread.next().await, None);
    drop((read, unread));
    assert_eq!(service.app.live().connections(), 0);
    let answer = service.get("/api/v1/live", &[("cookie", &anna)]).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "stopping".to_owned()));
}
