//! Erasing a contact through the API.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Helpdesk;

use super::{completed, erase, on_request};
use crate::people::{colleague, conversation, each, text, upload};

const MARIA: &str = "maria@planted.example";

fn is_erased(value: &Value, certificate: &Value) -> bool {
    value["erased"] == true && value["certificate"] == certificate["id"] && value["at"].is_string()
}

async fn contact_of(desk: &Helpdesk, ticket: &testkit::Ticket) -> String {
    text(&desk.ticket(ticket).await["contacts"][0]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_of_a_person_reads_as_erased_everywhere_and_the_log_stays_valid_z06() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "Maria's printer", MARIA).await;
    let before = desk.head().await;
    let maria = contact_of(&desk, &ticket).await;
    let file = upload(&desk, "maria.txt", "text/plain", b"about Maria").await;
    let reply = json!({ "text": "Dear Maria", "attachment_ids": [file] });
    desk.post(&ticket.at("/replies"), reply).await.ok();
    desk.comment(&ticket, "Maria called").await;
    desk.put(&ticket.at("/drafts/reply"), json!({ "text": "Maria, once more" })).await.ok();
    desk.catch_up().await;
    let shown = desk.get(&ticket.at("/thread")).await.ok();
    let attachment = text(&shown["items"][0]["attachments"][0]["id"]);

    let certificate = erase(&desk, &maria, on_request()).await;
    desk.catch_up().await;
    let counts = &certificate["counts"];
    for (what, count) in [
        ("persons", 1),
        ("ticket_names", 1),
        ("messages", 1),
        ("comments", 1),
        ("files", 1),
        ("drafts", 1),
    ] {
        assert_eq!(counts[what], count, "{what}: {certificate}");
    }
    assert_eq!((&certificate["kept_total"], &counts["keys"]), (&json!(0), &certificate["keys"]));
    assert!(certificate["servers"]["confirmed"].as_u64() >= Some(1), "{certificate}");
    assert!(certificate["lingering"].as_array().unwrap().len() > 2);

    let contact = desk.get(&format!("/api/v1/contacts/{maria}")).await.ok();
    assert!(is_erased(&contact["emails"][0], &certificate), "{contact}");
    let thread = desk.get(&ticket.at("/thread")).await.ok();
    for item in thread["items"].as_array().unwrap() {
        assert!(is_erased(&item["text"], &certificate), "{item}");
    }
    let message = &thread["items"][0];
    for field in ["subject", "to"] {
        assert!(is_erased(&message[field], &certificate), "{field}: {message}");
    }
    assert!(is_erased(&message["attachments"][0]["name"], &certificate), "{message}");
    let file = desk.get(&ticket.at(&format!("/attachments/{attachment}"))).await;
    assert_eq!(file.refused(404), "erased");
    let whole = desk.ticket(&ticket).await;
    assert!(is_erased(&whole["name"], &certificate), "{whole}");
    assert!(is_erased(&whole["contacts"][0]["email"], &certificate), "{whole}");
    let then = desk.get(&ticket.at(&format!("?as_of={before}"))).await.ok();
    assert!(is_erased(&then["name"], &certificate), "time travel: {then}");
    assert_eq!(desk.get(&ticket.at("/drafts/reply")).await.refused(404), "not_found");
    let timeline = desk.get(&ticket.at("/timeline")).await.text();
    let list = desk.get("/api/v1/views/open/tickets").await.text();
    let events = desk.get("/api/v1/events?limit=200").await.text();
    for text in [timeline, list, events, thread.to_string(), whole.to_string()] {
        assert!(!text.contains("Maria") && !text.contains("planted"), "{text}");
    }
    assert!(each(&desk.get("/api/v1/contacts?q=maria").await.ok(), "id").is_empty());
    assert!(each(&desk.get("/api/v1/contacts").await.ok(), "id").is_empty());

    let verification = event_store_verifies(&desk).await;
    assert_eq!(verification["findings"], json!([]), "{verification}");
}

/// The chain of the log, proved through the API.
async fn event_store_verifies(desk: &Helpdesk) -> Value {
    desk.post("/api/v1/admin/log/verify", json!({})).await.status(202);
    testkit::eventually("the log is verified", || async {
        let newest = desk.get("/api/v1/admin/log/verify").await.ok();
        (newest["state"] == "done").then(|| newest.clone())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_says_what_would_go_and_stay_and_changes_nothing_z06() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", MARIA).await;
    let maria = contact_of(&desk, &ticket).await;
    desk.add_contact(&ticket, "ben@planted.example").await;
    desk.comment(&ticket, "about both").await;
    desk.reply(&ticket, "to Maria alone").await;
    desk.catch_up().await;
    let head = desk.head().await;
    let path = format!("/api/v1/contacts/{maria}/erase");
    let preview = desk.get(&path).await.ok();
    assert_eq!(
        (&preview["counts"]["persons"], &preview["counts"]["messages"]),
        (&json!(1), &json!(1))
    );
    let mut kept: Vec<String> =
        preview["kept"].as_array().unwrap().iter().map(|kept| text(&kept["kind"])).collect();
    kept.sort();
    assert_eq!(kept, ["comment", "ticket_name"]);
    let all = desk.get(&format!("{path}?shared=erase")).await.ok();
    assert_eq!((&all["kept_total"], &all["shared_erased_total"]), (&json!(0), &json!(2)));
    assert_eq!(desk.head().await, head);

    let comment = preview["kept"].as_array().unwrap().iter().find(|kept| kept["kind"] == "comment");
    let also = comment.unwrap()["id"].clone();
    let body = json!({ "reason": "consent_withdrawn", "also": [also] });
    let certificate = erase(&desk, &maria, body).await;
    assert_eq!(certificate["counts"]["comments"], 1);
    assert_eq!(certificate["kept"][0]["kind"], "ticket_name");
    assert_eq!(desk.ticket(&ticket).await["name"], "x", "it concerns Ben, too");
    let contacts = desk.ticket(&ticket).await["contacts"].clone();
    let ben = contacts.as_array().unwrap().iter().find(|contact| contact["id"] != maria.as_str());
    assert_eq!(ben.unwrap()["email"], "ben@planted.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_erased_keeps_the_first_certificate_and_is_not_written_about_z06() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", MARIA).await;
    let maria = contact_of(&desk, &ticket).await;
    let first = erase(&desk, &maria, on_request()).await;
    let again = erase(&desk, &maria, json!({ "reason": "other" })).await;
    assert_eq!((&again["id"], &again["reason"]), (&first["id"], &first["reason"]));
    let contact = format!("/api/v1/contacts/{maria}");
    let patched = desk.patch(&contact, json!({ "name": "Maria" })).await;
    assert_eq!(patched.refused(409), "contact_erased");
    let other = desk.open_ticket("y").await;
    let added = desk.post(&other.at("/contacts"), json!({ "contact_id": maria })).await;
    assert_eq!(added.refused(409), "contact_erased");
    assert_eq!(
        desk.post(&ticket.at("/replies"), json!({ "text": "?" })).await.refused(422),
        "no_recipients"
    );
    let listed = desk.get("/api/v1/erasures").await.ok();
    assert_eq!(each(&listed, "id"), [first["id"].clone()]);
    assert_eq!(
        listed["items"][0]["subject"],
        json!({ "kind": "contact", "id": maria, "ticket_id": null })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_again_is_a_new_person_z06() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", MARIA).await;
    let maria = contact_of(&desk, &ticket).await;
    erase(&desk, &maria, on_request()).await;
    let again = conversation(&desk, "new", MARIA).await;
    let anew = contact_of(&desk, &again).await;
    assert_ne!(anew, maria);
    assert_eq!(desk.ticket(&again).await["contacts"][0]["email"], MARIA);
    desk.reply(&again, "welcome").await;
    desk.catch_up().await;
    assert_eq!(desk.thread(&again).await.len(), 1);
    desk.catch_up().await;
    assert_eq!(each(&desk.get("/api/v1/contacts?q=maria").await.ok(), "id"), [json!(anew)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn erasing_has_a_right_of_its_own_and_needs_somebody_to_erase_z06() {
    let desk = Helpdesk::start().await;
    let agent = colleague(&desk, "Ben", "agent").await;
    let ticket = conversation(&desk, "x", MARIA).await;
    let path = format!("/api/v1/contacts/{}/erase", contact_of(&desk, &ticket).await);
    let refused = agent.post(&path, on_request()).await.status(403);
    assert_eq!(refused["missing_right"], "content.erase");
    for read in [path.as_str(), "/api/v1/erasures"] {
        assert_eq!(agent.get(read).await.refused(403), "forbidden");
    }
    let nobody = "/api/v1/contacts/01900000-0000-7000-8000-000000000001/erase";
    assert_eq!(desk.post(nobody, on_request()).await.refused(404), "not_found");
    assert_eq!(desk.get(nobody).await.refused(404), "not_found");
    assert_eq!(desk.post(&path, json!({})).await.refused(400), "missing_field");
    assert_eq!(desk.post(&path, json!({ "reason": "spite" })).await.refused(400), "invalid_value");
    let none = "/api/v1/erasures/01900000-0000-7000-8000-000000000001";
    assert_eq!(desk.get(none).await.refused(404), "not_found");
    let ticket_id = format!("/api/v1/erasures/{}", ticket.id);
    assert_eq!(desk.get(&ticket_id).await.refused(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_is_one_erasure_z06() {
    let desk = Helpdesk::start().await;
    let ticket = conversation(&desk, "x", MARIA).await;
    let path = format!("/api/v1/contacts/{}/erase", contact_of(&desk, &ticket).await);
    let ask = async || {
        let headers = [("idempotency-key", "erase-maria")];
        desk.write_with(Method::POST, &path, on_request(), &headers).await.status(202)
    };
    let (first, second) = (ask().await, ask().await);
    assert_eq!(first["certificate"]["id"], second["certificate"]["id"]);
    assert_eq!(first["position"], second["position"]);
    completed(&desk, &text(&first["certificate"]["id"])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_erase_the_same_person_at_once_get_one_certificate_z06() {
    let one = Helpdesk::start().await;
    let two = one.second_node().await;
    let ticket = conversation(&one, "x", MARIA).await;
    let path = format!("/api/v1/contacts/{}/erase", contact_of(&one, &ticket).await);
    let (here, there) = tokio::join!(
        one.post(&path, on_request()),
        two.post(&path, json!({ "reason": "other", "shared": "erase" })),
    );
    let (here, there) = (here.status(202), there.status(202));
    assert_eq!(here["certificate"]["id"], there["certificate"]["id"]);
    let done = completed(&one, &text(&here["certificate"]["id"])).await;
    let again = erase(&two, &contact_of(&one, &ticket).await, on_request()).await;
    assert_eq!((&again["id"], &again["counts"]), (&done["id"], &done["counts"]));
    one.catch_up().await;
    assert_eq!(each(&one.get("/api/v1/erasures").await.ok(), "id"), [done["id"].clone()]);
    assert_eq!(event_store_verifies(&one).await["findings"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_drops_the_keys_before_the_certificate_is_complete_z06() {
    let one = Helpdesk::start().await;
    let two = one.second_node().await;
    let ticket = conversation(&one, "x", MARIA).await;
    one.reply(&ticket, "planted words").await;
    two.catch_up().await;
    // Both have the keys in memory.
    for desk in [&one, &two] {
        assert!(desk.get(&ticket.at("/thread")).await.text().contains("planted words"));
    }
    let certificate = erase(&one, &contact_of(&one, &ticket).await, on_request()).await;
    assert_eq!(certificate["servers"], json!({ "confirmed": 2, "awaited": 0, "silent": 0 }));
    for desk in [&one, &two] {
        assert!(!desk.get(&ticket.at("/thread")).await.text().contains("planted words"));
    }
}
