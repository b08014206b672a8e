//! Contacts (K01) and finding people.

use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, each, faults, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_read_as_it_was_written_k01() {
    let desk = Helpdesk::start().await;
    let body = json!({
        "name": "Anna", "emails": ["Anna@Example.org", "a2@example.org"], "phones": ["+49 30 123"],
    });
    let made = desk.post("/api/v1/contacts", body).await.status(201);
    let path = format!("/api/v1/contacts/{}", text(&made["id"]));
    let answer = desk.get(&path).await;
    assert_eq!(answer.header("etag"), Some("\"1\""));
    let shown = answer.ok();
    assert_eq!(shown["name"], "Anna");
    assert_eq!(shown["emails"], json!(["Anna@Example.org", "a2@example.org"]));
    assert_eq!(shown["phones"], json!(["+49 30 123"]));
    desk.patch(&path, json!({ "emails": ["a2@example.org", "a3@example.org"], "name": null }))
        .await
        .ok();
    let shown = desk.get(&path).await.ok();
    assert_eq!(
        (&shown["name"], &shown["emails"]),
        (&Value::Null, &json!(["a2@example.org", "a3@example.org"]))
    );
    assert_eq!(shown["phones"], json!(["+49 30 123"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_contacts_never_have_one_address_k01() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "Anna", "emails": ["anna@example.org"] });
    desk.post("/api/v1/contacts", body).await.status(201);
    let again = json!({ "name": "Anna", "emails": ["ANNA@example.org "] });
    assert_eq!(desk.post("/api/v1/contacts", again).await.refused(409), "address_in_use");
    let refused = desk.post("/api/v1/contacts", json!({ "emails": ["anna"] })).await.status(422);
    assert_eq!(faults(&refused), [("emails.0".to_owned(), "invalid_email".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_found_by_the_beginning_of_any_word() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Benedict", "agent").await;
    let body = json!({ "name": "Anna Müller", "emails": ["a.mueller@example.org"], "phones": ["+49 30 123"] });
    let anna = desk.post("/api/v1/contacts", body).await.status(201)["id"].clone();
    desk.catch_up().await;
    let found = async |path: &str| each(&desk.get(path).await.ok(), "id");
    for query in ["anna", "m%C3%BCll", "a.mueller@exa", "4930"] {
        assert_eq!(
            found(&format!("/api/v1/contacts?q={query}")).await,
            std::slice::from_ref(&anna),
            "{query}"
        );
    }
    assert!(found("/api/v1/contacts?q=bened").await.is_empty());
    assert_eq!(found("/api/v1/lookup?q=bened").await, [json!(ben.id)]);
    assert_eq!(found("/api/v1/lookup?q=anna&kind=contact").await, [anna]);
    assert!(found("/api/v1/lookup?q=anna&kind=user").await.is_empty());
    let person = desk.get("/api/v1/lookup?q=bened").await.ok()["items"][0].clone();
    assert_eq!(
        (&person["kind"], &person["email"]),
        (&json!("user"), &json!("benedict@desk.example.org"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_contact_is_listed_once_by_name_page_after_page() {
    let desk = Helpdesk::start().await;
    colleague(&desk, "Benedict", "agent").await;
    let mut made = std::collections::BTreeMap::new();
    for number in 0..60 {
        // Made out of order, and every name three times: pages end between equal names, too.
        let name = format!("Contact {:02}", number * 7 % 20);
        let body = json!({ "name": name, "emails": [format!("c{number}@example.org")] });
        let contact = desk.post("/api/v1/contacts", body).await.status(201);
        made.insert(text(&contact["id"]), name);
    }
    desk.catch_up().await;
    for (limit, pages) in [("", 2), ("limit=7&", 9), ("limit=60&", 1)] {
        let (mut listed, mut cursor, mut count) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/api/v1/contacts?{limit}{cursor}");
            let page = desk.get(&path).await.ok();
            listed.extend(page["items"].as_array().unwrap().clone());
            count += 1;
            match &page["next_cursor"] {
                Value::Null => break,
                next => cursor = format!("cursor={}", text(next)),
            }
        }
        assert_eq!(count, pages, "{limit}");
        let names: Vec<_> = listed.iter().map(|contact| text(&contact["name"])).collect();
        assert!(names.is_sorted(), "{names:?}");
        let all = listed.iter().map(|contact| (text(&contact["id"]), text(&contact["name"])));
        assert_eq!((listed.len(), all.collect()), (60, made.clone()), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_contacts_is_one_of_their_list() {
    let desk = Helpdesk::start().await;
    for name in ["Anna", "Anton"] {
        desk.post("/api/v1/contacts", json!({ "name": name })).await.status(201);
    }
    desk.catch_up().await;
    let cursor = text(&desk.get("/api/v1/contacts?limit=1").await.ok()["next_cursor"]);
    for path in [
        format!("/api/v1/contacts?q=an&cursor={cursor}"),
        format!("/api/v1/users?cursor={cursor}"),
        "/api/v1/contacts?cursor=x".to_owned(),
    ] {
        assert_eq!(desk.get(&path).await.refused(400), "invalid_cursor", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_is_none_is_not_found() {
    let desk = Helpdesk::start().await;
    let ticket = desk.open_ticket("x").await;
    for id in [ticket.id.as_str(), "x", "01900000-0000-7000-8000-000000000001"] {
        let path = format!("/api/v1/contacts/{id}");
        assert_eq!(desk.get(&path).await.refused(404), "not_found", "{id}");
    }
    let unknown = "/api/v1/contacts/01900000-0000-7000-8000-000000000001";
    assert_eq!(desk.patch(unknown, json!({ "name": "x" })).await.refused(404), "not_found");
}
