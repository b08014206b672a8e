//! What one server has accepted, the next one knows: it is asked for by its place in the log or by its id, told of by notices,
//! or found without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testkit::{Answer, Client, eventually};

use super::cluster::Cluster;

const ROUNDS: usize = 8;
/// Without notices everything is found by asking, at least once a second.
const FOUND_WITHIN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(10);

#[tokio::test(flavor = "multi_thread")]
async fn settings_made_on_one_server_hold_on_the_next_at_once() {
    let cluster = Cluster::start(3).await;
    for round in 0..ROUNDS {
        let clients = cluster.clients();
        let [one, two, three] = [0, 1, 2].map(|offset| clients[(round + offset) % 3].clone());
        a_property_a_pipeline_and_a_status(round, [&one, &two, &three]).await;
        a_colleague(round, [&one, &two, &three]).await;
        a_setting(round, [&one, &two, &three]).await;
    }
    cluster.verify();
}

async fn a_property_a_pipeline_and_a_status(round: usize, [one, two, three]: [&Client; 3]) {
    let (key, label) = (format!("serial_{round}"), format!("Serial {round}"));
    let body = json!({ "key": key, "label": label, "type": "text", "personal": false });
    let property = one.post("/api/v1/properties", body).await.status(201);
    let id = text(&property["id"]);
    assert_eq!(three.get(&format!("/api/v1/properties/{id}")).await.ok()["key"], key.as_str());

    let closed = json!({ "name": "Done", "category": "closed", "required_properties": [key] });
    let open = json!({ "name": "New", "category": "open" });
    let body = json!({ "name": format!("Repairs {round}"), "statuses": [open, closed] });
    let pipeline = two.post("/api/v1/pipelines", body).await.status(201);
    let id = text(&pipeline["id"]);
    let body = json!({ "name": "Waiting", "category": "open", "required_properties": [key] });
    let path = format!("/api/v1/pipelines/{id}/statuses");
    let waiting = three.post(&path, body).await.status(201);

    let body = json!({ "name": "Printer", "pipeline_id": id, "properties": { &key: "A1" } });
    let ticket = one.open_ticket_with(body).await;
    let body = json!({ "status_id": waiting["status_id"] });
    two.put(&ticket.at("/status"), body).await.ok();
    let shown = three.ticket(&ticket).await;
    assert_eq!(shown["status"]["name"], "Waiting", "{shown}");
    assert_eq!(shown["properties"][&key], "A1", "{shown}");
    let archived = one.delete(&format!("/api/v1/pipelines/{id}")).await.ok();
    let refused = two.post("/api/v1/tickets", json!({ "name": "Late", "pipeline_id": id })).await;
    assert_eq!(refused.status.as_u16(), 422, "{}", refused.text());
    let shown = as_new_as(three, &format!("/api/v1/pipelines/{id}"), &archived["position"]).await;
    assert!(shown.header("log-stale").is_none());
    assert_eq!(shown.ok()["archived"], true);
}

async fn a_colleague(round: usize, [one, two, three]: [&Client; 3]) {
    let email = format!("bob-{round}@desk.example.org");
    let body = json!({ "name": "Bob", "email": email, "role": "agent" });
    let bob = text(&one.post("/api/v1/users", body).await.status(201)["id"]);
    let path = format!("/api/v1/users/{bob}");
    let password = json!({ "password": "a password long enough" });
    two.put(&format!("{path}/password"), password).await.ok();
    let signed_in = json!({ "email": email, "password": "a password long enough" });
    let session = three.with_token(None);
    session.post("/api/v1/session", signed_in).await.ok();
    let ticket = session.open_ticket("Bob's").await;
    one.put(&ticket.at("/owner"), json!({ "user_id": bob })).await.ok();
    let shown = two.ticket(&ticket).await;
    assert_eq!(shown["owner"]["user"]["name"], "Bob", "{shown}");
    // Away again: no server gives him anything from that moment on.
    two.put(&ticket.at("/owner"), json!({ "user_id": null })).await.ok();
    let left = three.patch(&path, json!({ "active": false })).await.ok();
    let refused = one.put(&ticket.at("/owner"), json!({ "user_id": bob })).await;
    assert_eq!(refused.refused(422), "inactive_user");
    let shown = as_new_as(two, &path, &left["position"]).await;
    assert_eq!(shown.ok()["active"], false);
    session.get("/api/v1/me").await.status(401);
}

async fn a_setting(round: usize, [one, two, three]: [&Client; 3]) {
    let enabled = round.is_multiple_of(2);
    let body = json!({ "assign_on_first_reply": enabled });
    let set = one.patch("/api/v1/workspace", body).await.ok();
    // Nothing is named, so nothing changes.
    two.patch("/api/v1/workspace", json!({})).await.ok();
    let shown = as_new_as(three, "/api/v1/workspace", &set["position"]).await.ok();
    assert_eq!(shown["assign_on_first_reply"], enabled, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_on_another_server_is_as_new_as_asked_for_with_notices_and_without() {
    let cluster = Cluster::start(3).await;
    let mut took = Vec::new();
    for round in 0..ROUNDS * 3 {
        let started = Instant::now();
        let listed = written_here_read_there(&cluster, round).await;
        assert!(listed.is_some(), "round {round} was answered with an old list");
        took.push(started.elapsed());
    }
    took.sort_unstable();
    println!("with notices {:?} to {:?}", took[0], took[took.len() - 1]);

    let deaf = Arc::new(AtomicBool::new(true));
    let cutting = tokio::spawn(cut_notices(cluster.postgres.url(), Arc::clone(&deaf)));
    let mut late = 0;
    for round in 0..ROUNDS {
        let started = Instant::now();
        let name = format!("Without notices {round}");
        let writer = cluster.client(round % 3);
        writer.open_ticket(&name).await;
        for reader in cluster.clients() {
            eventually("it is found without notices", || async {
                reader.view("open").await.contains(&name).then_some(())
            })
            .await;
        }
        assert!(started.elapsed() < FOUND_WITHIN, "it took {:?}", started.elapsed());
        // An answer that is older than asked for says so.
        late += usize::from(written_here_read_there(&cluster, round).await.is_none());
    }
    println!("without notices {late} of {ROUNDS} answers said that they are old");
    deaf.store(false, Ordering::Relaxed);
    assert!(cutting.await.unwrap() > 0, "somebody listened");
    cluster.verify();
}

/// A ticket made on one server, and the list on the next two as new as that; none when one of them says that it is older.
async fn written_here_read_there(cluster: &Cluster, round: usize) -> Option<()> {
    let clients = cluster.clients();
    let name = format!("Round {round} {}", uuid::Uuid::new_v4());
    let made =
        clients[round % 3].post("/api/v1/tickets", json!({ "name": name })).await.status(201);
    for offset in [1, 2] {
        let reader = &clients[(round + offset) % 3];
        let path = "/api/v1/views/open/tickets?limit=200";
        let page = as_new_as(reader, path, &made["position"]).await;
        if page.header("log-stale").is_some() {
            return None;
        }
        let items = page.ok()["items"].as_array().unwrap().clone();
        assert!(items.iter().any(|row| row["name"] == name.as_str()), "{name} in {items:?}");
    }
    Some(())
}

/// Ends every connection on which notices are told or heard, as soon as it is there.
async fn cut_notices(url: String, goes_on: Arc<AtomicBool>) -> i64 {
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let mut ended = 0;
    while goes_on.load(Ordering::Relaxed) {
        let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                    where application_name = 'ledgerdesk notices' and datname = current_database()";
        let (count,): (i64,) = sqlx::query_as(cut).fetch_one(&mut connection).await.unwrap();
        ended += count;
        tokio::time::sleep(PAUSE).await;
    }
    ended
}

async fn as_new_as(client: &Client, path: &str, position: &Value) -> Answer {
    let request = client.request(Method::GET, path);
    client.send(request.header("log-position", text(position))).await
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
