//! Tickets: making, reading, changing (T04, T07, T08, T10, T11, W01–W03, Z04).

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{
    colleague, conversation, default_pipeline, each, faults, property, require, text,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_needs_a_name_and_starts_in_the_first_status_of_the_default_pipeline_t04() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Printer on fire").await;
    assert_eq!(ticket.number, 1);
    let shown = desk.ticket(&ticket).await;
    assert_eq!(shown["name"], "Printer on fire");
    assert_eq!(shown["pipeline"]["name"], "Support");
    assert_eq!(
        (&shown["status"]["name"], &shown["status"]["category"]),
        (&json!("New"), &json!("open"))
    );
    let refused = desk.post("/api/v1/tickets", json!({ "name": "  " })).await.status(422);
    assert_eq!(faults(&refused), [("name".to_owned(), "required".to_owned())]);
    assert_eq!(desk.post("/api/v1/tickets", json!({})).await.refused(400), "missing_field");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_of_another_pipeline_is_refused_t04_t08() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "Sales", "statuses": [{ "name": "Lead", "category": "open" }] });
    let sales = desk.post("/api/v1/pipelines", body).await.status(201);
    let lead = sales["status_ids"][0].clone();
    let body = json!({ "name": "x", "status_id": lead });
    assert_eq!(desk.post("/api/v1/tickets", body).await.refused(422), "status_not_in_pipeline");
    let body = json!({ "name": "x", "pipeline_id": sales["id"], "status_id": lead });
    let ticket = desk.open_ticket_with(body).await;
    assert_eq!(desk.ticket(&ticket).await["pipeline"]["name"], "Sales");
    let new = desk.status_id("New").await;
    let refused = desk.put(&ticket.at("/status"), json!({ "status_id": new })).await.refused(422);
    assert_eq!(refused, "status_not_in_pipeline");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_answers_everything_that_the_contract_names_w01() {
    let desk = Helpdesk::start().await;
    let choices = json!([{ "value": "low", "label": "Low" }, { "value": "high", "label": "High" }]);
    let body = json!({ "key": "severity", "label": "Severity", "type": "single_choice", "choices": choices });
    property(&desk, body).await;
    let secret = property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let anna =
        desk.post("/api/v1/contacts", json!({ "name": "Anna", "emails": ["anna@example.org"] }));
    let anna = anna.await.status(201)["id"].clone();
    let body = json!({
        "name": "Printer on fire", "priority": "high", "category": "Hardware",
        "owner": { "user_id": desk.admin_id().to_string() }, "contact_ids": [anna],
        "company_ids": [], "tags": ["fire", "printer"],
        "properties": { "severity": "high", secret.as_str(): "a match" },
    });
    let ticket = desk.open_ticket_with(body).await;
    let answer = desk.get(&ticket.at("")).await;
    let version = answer.header("etag").unwrap().to_owned();
    let shown = answer.ok();
    assert_eq!(version, format!("\"{}\"", shown["version"]));
    assert_eq!((&shown["id"], &shown["number"]), (&json!(ticket.id), &json!(ticket.number)));
    assert_eq!((&shown["priority"], &shown["category"]), (&json!("high"), &json!("Hardware")));
    assert_eq!(shown["source"], "api");
    assert_eq!(shown["owner"]["user"]["id"], json!(desk.admin_id().to_string()));
    assert!(shown["owner"]["user"]["name"].is_string() && shown["owner"]["team"].is_null());
    let contact = &shown["contacts"][0];
    assert_eq!((&contact["name"], &contact["email"]), (&json!("Anna"), &json!("anna@example.org")));
    assert_eq!(contact["primary"], true);
    assert_eq!((&shown["companies"], &shown["deals"]), (&json!([]), &json!([])));
    assert_eq!(shown["tags"], json!(["fire", "printer"]));
    assert_eq!(shown["properties"], json!({ "severity": "high", "cause": "a match" }));
    assert_eq!(shown["has_conversation"], true);
    for field in ["created_at", "last_activity_at", "position"] {
        assert!(shown[field].is_string(), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_names_its_ticket_as_soon_as_it_is_answered() {
    let desk = Helpdesk::start().await;
    for name in ["One", "Two", "Three"] {
        let ticket = desk.open_ticket(name).await;
        let shown = desk.get(&format!("/api/v1/tickets/{}", ticket.number)).await.ok();
        assert_eq!((&shown["id"], &shown["name"]), (&json!(ticket.id), &json!(name)));
        let path = format!("/api/v1/tickets/{}", ticket.number);
        desk.patch(&path, json!({ "tags": ["seen"] })).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_exist_and_what_is_no_ticket_look_the_same() {
    let desk = Helpdesk::start().await;
    let contact = desk.post("/api/v1/contacts", json!({ "name": "Anna" })).await.status(201);
    for name in ["7", "x", "01900000-0000-7000-8000-000000000001", &text(&contact["id"])] {
        for below in ["", "/thread", "/timeline", "/events", "/drafts/reply"] {
            let path = format!("/api/v1/tickets/{name}{below}");
            assert_eq!(desk.get(&path).await.refused(404), "not_found", "{path}");
        }
        let path = format!("/api/v1/tickets/{name}");
        assert_eq!(desk.patch(&path, json!({})).await.refused(404), "not_found", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_is_never_lost_silently() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    for (path, body, field) in [
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "prioritty": "high" }), "prioritty"),
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "owner": { "usr": 1 } }), "owner.usr"),
        (ticket.at("/replies"), json!({ "txt": "x" }), "txt"),
        (ticket.at("/comments"), json!({ "mention": [] }), "mention"),
        (ticket.at("/contacts"), json!({ "contact": { "mail": "x" } }), "contact.mail"),
        ("/api/v1/tickets/query".to_owned(), json!({ "filter": { "tag": [] } }), "filter.tag"),
    ] {
        let refused = desk.post(&path, body).await.status(400);
        assert_eq!(faults(&refused), [(field.to_owned(), "unknown_field".to_owned())], "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_property_is_a_fault_of_its_field_t11() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "x", "properties": { "severty": "high" } });
    let refused = desk.post("/api/v1/tickets", body).await.status(422);
    assert_eq!(
        faults(&refused),
        [("properties.severty".to_owned(), "unknown_property".to_owned())]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_takes_values_of_its_type_and_null_empties_it_t11() {
    let desk = Helpdesk::start().await;
    property(&desk, json!({ "key": "amount", "label": "Amount", "type": "number" })).await;
    property(&desk, json!({ "key": "due", "label": "Due", "type": "date" })).await;
    let body = json!({ "name": "x", "properties": { "amount": 12.5, "due": "2026-03-03" } });
    let ticket = desk.open_ticket_with(body).await;
    let shown = desk.ticket(&ticket).await;
    assert_eq!(shown["properties"], json!({ "amount": "12.5", "due": "2026-03-03" }));
    let wrong = json!({ "properties": { "amount": "a lot", "due": "2026-02-30" } });
    let refused = desk.patch(&ticket.at(""), wrong).await.status(422);
    let fault = |field: &str| (format!("properties.{field}"), "invalid_value".to_owned());
    assert_eq!(faults(&refused), [fault("amount"), fault("due")]);
    desk.patch(&ticket.at(""), json!({ "properties": { "amount": null } })).await.ok();
    assert_eq!(desk.ticket(&ticket).await["properties"], json!({ "due": "2026-03-03" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_names_and_null_takes_away_t11() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "x", "priority": "low", "category": "A", "tags": ["a", "b"] });
    let ticket = desk.open_ticket_with(body).await;
    desk.patch(&ticket.at(""), json!({ "name": "y", "tags": ["b", "c"] })).await.ok();
    let shown = desk.ticket(&ticket).await;
    assert_eq!((&shown["name"], &shown["tags"]), (&json!("y"), &json!(["b", "c"])));
    assert_eq!((&shown["priority"], &shown["category"]), (&json!("low"), &json!("A")));
    desk.patch(&ticket.at(""), json!({ "category": null, "priority": null })).await.ok();
    let shown = desk.ticket(&ticket).await;
    assert_eq!((&shown["category"], &shown["priority"]), (&Value::Null, &json!("none")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_status_lists_what_is_missing_and_writes_nothing_until_all_is_there_t10() {
    let desk = Helpdesk::start().await;
    property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    property(&desk, json!({ "key": "minutes", "label": "Minutes", "type": "number" })).await;
    require(&desk, "Closed", &["cause", "minutes"]).await;
    let ticket = desk.open_ticket("x").await;
    let closed = desk.status_id("Closed").await;
    let body = json!({ "status_id": closed, "properties": { "cause": "a match" } });
    let refused = desk.put(&ticket.at("/status"), body).await.status(422);
    assert_eq!(refused["code"], "required_properties_missing");
    assert_eq!(faults(&refused), [("properties.minutes".to_owned(), "required".to_owned())]);
    let shown = desk.ticket(&ticket).await;
    assert_eq!((&shown["version"], &shown["properties"]), (&json!(1), &json!({})));
    let body = json!({ "status_id": closed, "properties": { "cause": "a match", "minutes": 5 } });
    desk.put(&ticket.at("/status"), body).await.ok();
    assert_eq!(desk.ticket(&ticket).await["status"]["name"], "Closed");
    let body = json!({ "name": "y", "status_id": closed });
    assert_eq!(
        desk.post("/api/v1/tickets", body).await.refused(422),
        "required_properties_missing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_a_user_with_access_and_neither_means_nobody() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let ticket = desk.open_ticket("x").await;
    let path = ticket.at("/owner");
    let assign = |body: Value| desk.put(&path, body);
    let body = json!({ "user_id": ben.id, "note": "Please have a look" });
    assign(body).await.ok();
    assert_eq!(desk.ticket(&ticket).await["owner"]["user"]["name"], "Ben");
    assign(json!({})).await.ok();
    assert_eq!(desk.ticket(&ticket).await["owner"], Value::Null);
    let nobody = json!({ "user_id": "01900000-0000-7000-8000-000000000001" });
    assert_eq!(faults(&assign(nobody).await.status(422))[0].1, "unknown_user");
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_contact_starts_the_conversation_t07() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    assert_eq!(desk.ticket(&ticket).await["has_conversation"], false);
    let body = json!({ "contact": { "name": "Anna", "email": "Anna@Example.org" } });
    let added = desk.post(&ticket.at("/contacts"), body).await.ok();
    let shown = desk.ticket(&ticket).await;
    assert_eq!(shown["has_conversation"], true);
    assert_eq!(shown["contacts"][0]["id"], added["contact_id"]);
    assert_eq!(shown["contacts"][0]["email"], "Anna@Example.org");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_a_contact_has_means_that_contact_t07_k01() {
    let desk = Helpdesk::start().await;
    let one = conversation(&desk, "One", "anna@example.org").await;
    let anna = desk.ticket(&one).await["contacts"][0]["id"].clone();
    let two = desk.open_ticket("Two").await;
    let body = json!({ "contact": { "email": " ANNA@example.org" } });
    let added = desk.post(&two.at("/contacts"), body.clone()).await.ok();
    assert_eq!(added["contact_id"], anna);
    let again = desk.post(&two.at("/contacts"), body).await.ok();
    assert_eq!((&again["contact_id"], &again["version"]), (&anna, &added["version"]));
    let both = json!({ "contact_id": anna, "contact": { "email": "anna@example.org" } });
    assert_eq!(desk.post(&two.at("/contacts"), both).await.refused(422), "either_or");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_has_one_effect_and_the_same_answer_w02() {
    let desk = Helpdesk::start().await;
    let send = |body: Value| {
        desk.write_with(Method::POST, "/api/v1/tickets", body, &[("idempotency-key", "k1")])
    };
    let first = send(json!({ "name": "Once" })).await.status(201);
    let again = send(json!({ "name": "Once" })).await.status(201);
    assert_eq!(first, again);
    assert_eq!(send(json!({ "name": "Other" })).await.refused(409), "idempotency_key_reused");
    desk.catch_up().await;
    assert_eq!(desk.view("open").await, ["Once"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_write_is_merged_unless_it_touches_what_changed_w03() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    desk.patch(&ticket.at(""), json!({ "priority": "high" })).await.ok();
    let patch = |body: Value| {
        desk.write_with(Method::PATCH, "/api/v1/tickets/1", body, &[("if-match", "\"1\"")])
    };
    patch(json!({ "category": "A" })).await.ok();
    let conflict = patch(json!({ "priority": "low" })).await.status(409);
    assert_eq!(conflict["code"], "version_conflict");
    assert_eq!(conflict["current_version"], 3);
    let since: Vec<_> = conflict["events"].as_array().unwrap().iter().map(|e| &e["type"]).collect();
    assert_eq!(since, ["PriorityChanged", "CategoryChanged"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_can_be_seen_as_it_was_z04() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("Before").await;
    let then = desk.ticket(&ticket).await;
    desk.patch(&ticket.at(""), json!({ "name": "After", "priority": "high" })).await.ok();
    let at = async |as_of: String| desk.get(&ticket.at(&format!("?as_of={as_of}"))).await.ok();
    let mut shown = at(text(&then["position"])).await;
    assert_eq!(shown["as_of"]["position"], then["position"]);
    shown.as_object_mut().unwrap().remove("as_of");
    assert_eq!(shown, then);
    let before = desk.get(&ticket.at("?as_of=2001-01-01T00:00:00Z")).await;
    assert_eq!(before.refused(404), "not_yet_created");
    let garbage = desk.get(&ticket.at("?as_of=yesterday")).await;
    assert_eq!(garbage.refused(400), "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_look_is_told_which_right_is_missing_x03() {
    let desk = Helpdesk::start().await;
    let lea = colleague(&desk, "Lea", "light_agent").await;
    let ticket = conversation(&desk, "x", "anna@example.org").await;
    assert_eq!(lea.ticket(&ticket).await["name"], "x");
    let closed = desk.status_id("Closed").await;
    for (method, path, body, right) in [
        (Method::POST, "/api/v1/tickets".to_owned(), json!({ "name": "y" }), "tickets.edit"),
        (Method::PATCH, ticket.at(""), json!({ "name": "y" }), "tickets.edit"),
        (Method::PUT, ticket.at("/status"), json!({ "status_id": closed }), "tickets.edit"),
        (Method::PUT, ticket.at("/owner"), json!({}), "tickets.edit"),
        (Method::POST, ticket.at("/replies"), json!({ "text": "Hi" }), "tickets.communicate"),
        (Method::PUT, ticket.at("/drafts/reply"), json!({ "text": "Hi" }), "tickets.communicate"),
    ] {
        let refused = lea.send(lea.request(method.clone(), &path).json(&body)).await.status(403);
        assert_eq!(refused["missing_right"], right, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_contacts_are_named_in_one_answer() {
    let desk = Helpdesk::start().await;
    let mut ids = Vec::new();
    for n in 0..20 {
        let body = json!({ "name": format!("Contact {n}") });
        ids.push(desk.post("/api/v1/contacts", body).await.status(201)["id"].clone());
    }
    let ticket = desk.open_ticket_with(json!({ "name": "x", "contact_ids": ids })).await;
    let shown = desk.ticket(&ticket).await;
    let names = each(&json!({ "items": shown["contacts"] }), "name");
    assert_eq!(names, (0..20).map(|n| json!(format!("Contact {n}"))).collect::<Vec<_>>());
    assert_eq!(default_pipeline(&desk).await["name"], shown["pipeline"]["name"]);
}
