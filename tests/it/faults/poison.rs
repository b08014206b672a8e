//! Events that should not be there: of a type that this program does not know, and with content that it cannot read. Their
//! ticket says that something broke, and no more; everything else goes on, and the operator is told.

use serde_json::{Value, json};
use sqlx::{PgConnection, Row};
use testkit::{Client, Ticket, eventually};

use super::desk::Desk;

/// What an event says that nobody outside may ever be told.
const SECRET: &str = "TheSecretOfTheForger";

/// Puts an event at the end of a ticket's stream, through the back door.
async fn forge(owner: &mut PgConnection, ticket: &Ticket, type_name: &str, payload: &str) {
    let forged = sqlx::query(
        "with head as (
             select c.* from es.workspace w
               cross join lateral (select * from es.commit c where c.ws = w.ws order by c.no desc limit 1) c
         ), last as (
             select max(e.version) as version from es.event e join head h on e.ws = h.ws where e.stream = $1::uuid
         )
         select (es.append(
             p_ws => h.ws, p_node => h.node, p_after => h.no, p_after_hash => h.hash, p_behind => null, p_sure => false,
             p_number => h.last_number, p_directory => h.last_directory, p_numbers => 0, p_directory_offset => 0,
             p_content => sha256(''), p_leaves => sha256(''),
             c_cmd => array[gen_random_uuid()], c_hash => array[sha256('')], c_offset => array[0], c_n => array[1],
             g_stream => '{}', g_version => '{}', r_scope => '{}', r_mac => '{}', r_seq => '{}',
             e_row => array[row(gen_random_uuid(), $1::uuid, l.version + 1, 'ticket', $2, 1::smallint, null, $4, '{}',
                                convert_to($3, 'UTF8'))::es.pending],
             k_scope => '{}', k_mac => '{}', k_seq => '{}', k_stream => '{}',
             a_key => '{}', a_kind => '{}', a_scope => '{}', s_subject => '{}', s_key => '{}')).status
           from head h, last l",
    )
    .bind(&ticket.id)
    .bind(type_name)
    .bind(payload)
    .bind("system:00000000-0000-0000-0000-000000000000")
    .fetch_one(owner)
    .await
    .unwrap();
    assert_eq!(forged.get::<i16, _>(0), 0, "the forged event was not written");
}

/// Everything that needs the stream of this ticket fails, without saying why.
async fn is_broken(client: &Client, ticket: &Ticket) {
    for answer in [
        client.get(&ticket.at("")).await,
        client.patch(&ticket.at(""), json!({ "priority": "high" })).await,
        client.post(&ticket.at("/comments"), json!({ "text": "Anybody there?" })).await,
    ] {
        let told = answer.text();
        assert!(!told.contains(SECRET) && !told.contains("Teleported"), "{told}");
        let problem = answer.status(500);
        assert_eq!(problem["code"], "internal", "{problem}");
    }
}

/// Another ticket, old or new, is none the worse for it.
async fn works(client: &Client, ticket: &Ticket) {
    client.patch(&ticket.at(""), json!({ "name": "Renamed" })).await.ok();
    assert_eq!(client.get(&ticket.at("")).await.ok()["name"], "Renamed");
    let new = client.open_ticket("Still open").await;
    client.post(&new.at("/comments"), json!({ "text": "Yes" })).await.ok();
}

async fn views(client: &Client) -> Vec<Value> {
    let views = client.get("/api/v1/admin/projections").await.ok();
    views["items"].as_array().unwrap().clone()
}

/// What the metrics say of all views together.
async fn metric(client: &Client, name: &str) -> f64 {
    let told = client.get("/metrics").await.text();
    let lines = told.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_breaks_its_ticket_and_no_other() {
    let desk = Desk::start().await;
    let client = desk.client();
    let (broken, sound) = (client.open_ticket("Broken").await, client.open_ticket("Sound").await);
    let mut owner = desk.program.owner().await;
    let payload = format!(r#"{{"name":["{SECRET}"]}}"#);
    forge(&mut owner, &broken, "TicketRenamed", &payload).await;
    works(&client, &sound).await;
    is_broken(&client, &broken).await;
    eventually("a view leaves the stream out", || async {
        let left_out = |view: &Value| view["quarantined_streams"] == 1;
        views(&client).await.iter().any(left_out).then_some(())
    })
    .await;
    eventually("the views go on with everything else", || async {
        client.view("open").await.contains(&"Still open".to_owned()).then_some(())
    })
    .await;
    client.get("/readyz").await.status(200);
    let left_out: u64 =
        views(&client).await.iter().map(|v| v["quarantined_streams"].as_u64().unwrap()).sum();
    assert!(metric(&client, "ledgerdesk_projection_quarantined_streams").await as u64 == left_out);
    let listed = desk.run(&["projection", "list", "--json"]).json();
    let listed = listed["items"].as_array().unwrap();
    assert_eq!(listed.iter().map(|v| v["quarantined"].as_u64().unwrap()).sum::<u64>(), left_out);
    let doctor = desk.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("are left out"), "{}", doctor.stdout);
    nothing_tells_the_secret(&desk);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_an_unknown_type_stops_the_views_and_breaks_only_its_ticket() {
    let desk = Desk::start().await;
    let client = desk.client();
    let (broken, sound) = (client.open_ticket("Broken").await, client.open_ticket("Sound").await);
    let mut owner = desk.program.owner().await;
    let payload = format!(r#"{{"to":"{SECRET}"}}"#);
    forge(&mut owner, &broken, "TicketTeleported", &payload).await;
    works(&client, &sound).await;
    is_broken(&client, &broken).await;
    // A program that is older than the log must not guess: the views wait for a newer one, and say so.
    let stopped = eventually("a view stops", || async {
        views(&client).await.into_iter().find(|view| view["state"] == "stopped")
    })
    .await;
    let reason = stopped["reason"].as_str().unwrap();
    assert!(reason.contains("events this program does not know"), "{reason}");
    assert!(!reason.contains(SECRET), "{reason}");
    let readiness = client.get("/readyz").await.status(503);
    assert_eq!(readiness["log_reachable"], true);
    assert!(metric(&client, "ledgerdesk_projection_state").await >= 4.0);
    let listed = desk.run(&["projection", "list", "--json"]).json();
    let behind = |view: &Value| view["lag"].as_u64().unwrap() > 0;
    assert!(listed["items"].as_array().unwrap().iter().any(behind), "{listed}");
    // The tickets themselves are read from the log, and are as new as ever.
    works(&client, &sound).await;
    nothing_tells_the_secret(&desk);
}

fn nothing_tells_the_secret(desk: &Desk) {
    let log = std::fs::read_to_string(desk.program.data().with_extension("log")).unwrap();
    assert!(!log.contains(SECRET), "{log}");
}
