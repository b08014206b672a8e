//! Views (V01), free queries (V04, V05), and reading one's own writes.

use serde_json::{Value, json};
use testkit::{Helpdesk, eventually};

use crate::people::{colleague, conversation, each, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_user_has_the_default_views_under_stable_ids_v01() {
    let desk = Helpdesk::start().await;
    let views = desk.get("/api/v1/views").await.ok();
    assert_eq!(each(&views, "id"), ["unassigned", "mine", "mentions", "open", "drafts", "closed"]);
    for id in each(&views, "id") {
        assert!(desk.view(&text(&id)).await.is_empty());
    }
    assert_eq!(desk.get("/api/v1/views/secret/tickets").await.refused(404), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_stand_in_the_views_they_belong_to_and_are_counted_v01() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    desk.open_ticket("Nobody's").await;
    let owner = json!({ "user_id": ben.id });
    desk.open_ticket_with(json!({ "name": "Ben's", "owner": owner })).await;
    let done = desk.open_ticket_with(json!({ "name": "Done", "owner": owner })).await;
    desk.set_status(&done, "Closed").await;
    let waiting = desk.open_ticket("Waits").await;
    desk.set_status(&waiting, "Waiting on contact").await;
    desk.catch_up().await;
    assert_eq!(ben.view("unassigned").await, ["Waits", "Nobody's"]);
    assert_eq!(ben.view("mine").await, ["Ben's"]);
    assert_eq!(ben.view("open").await, ["Waits", "Ben's", "Nobody's"]);
    assert_eq!(ben.view("closed").await, ["Done"]);
    let counts = ben.get("/api/v1/views/counts").await.ok();
    let expected = json!({
        "unassigned": 2, "mine": 1, "mentions": 0, "open": 3, "drafts": 0, "closed": 1,
    });
    assert_eq!(counts, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_shows_names_and_the_newest_words_v01() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "Printer on fire", "priority": "urgent", "tags": ["fire"] });
    let ticket = desk.open_ticket_with(body).await;
    let contact = json!({ "contact": { "name": "Anna", "email": "anna@example.org" } });
    desk.post(&ticket.at("/contacts"), contact).await.ok();
    desk.reply(&ticket, "Use water").await;
    desk.catch_up().await;
    let row = desk.get("/api/v1/views/open/tickets").await.ok()["items"][0].clone();
    assert_eq!((&row["name"], &row["number"]), (&json!("Printer on fire"), &json!(ticket.number)));
    assert_eq!((&row["preview"], &row["last_direction"]), (&json!("Use water"), &json!("out")));
    assert_eq!(
        (&row["pipeline"]["name"], &row["status"]["name"]),
        (&json!("Support"), &json!("New"))
    );
    assert_eq!((&row["priority"], &row["tags"]), (&json!("urgent"), &json!(["fire"])));
    assert_eq!(row["contacts"][0]["name"], "Anna");
    assert!(row["owner"]["user"]["name"].is_string() && row["last_activity_at"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_can_wait_for_what_was_written_w01() {
    let desk = Helpdesk::start().await;
    for n in 0..5 {
        let name = format!("Ticket {n}");
        let written = desk.post("/api/v1/tickets", json!({ "name": name })).await;
        let position = written.header("log-position").unwrap().to_owned();
        let page = eventually("a page that is new enough", || async {
            let path = "/api/v1/views/open/tickets?limit=1";
            let request = desk.request(reqwest::Method::GET, path);
            let page = desk.send(request.header("log-position", &position)).await;
            // On a busy machine the bounded wait may be over before the view is there; then it says so.
            page.header("log-stale").is_none().then_some(page)
        })
        .await;
        assert_eq!(each(&page.ok(), "name"), [name]);
    }
    let request = desk.request(reqwest::Method::GET, "/api/v1/views/open/tickets");
    let future = desk.send(request.header("log-position", "999999999")).await;
    assert_eq!((future.header("log-stale"), future.status.as_u16()), (Some("true"), 200));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_every_ticket_once_and_take_no_foreign_cursor_v01() {
    let desk = Helpdesk::start().await;
    for n in 0..7 {
        desk.open_ticket(&format!("Ticket {n}")).await;
    }
    desk.catch_up().await;
    let (mut names, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/api/v1/views/open/tickets?limit=3{cursor}")).await.ok();
        names.extend(each(&page, "name"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let newest_first: Vec<Value> = (0..7).rev().map(|n| json!(format!("Ticket {n}"))).collect();
    assert_eq!(names, newest_first);
    let foreign = desk.get(&format!("/api/v1/views/closed/tickets?limit=3{cursor}")).await;
    assert_eq!(foreign.refused(400), "invalid_cursor");
    let endless = desk.get("/api/v1/views/open/tickets?limit=201").await;
    assert_eq!(endless.refused(400), "invalid_parameter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_filters_and_sorts_v04_v05() {
    let desk = Helpdesk::start().await;
    let me = json!({ "user_id": desk.admin_id().to_string() });
    for (name, priority, tags) in [
        ("A", "low", json!(["x"])),
        ("B", "urgent", json!(["x", "y"])),
        ("C", "high", json!(["y"])),
    ] {
        let body = json!({ "name": name, "priority": priority, "tags": tags });
        desk.open_ticket_with(body).await;
    }
    let mine = desk.open_ticket_with(json!({ "name": "Mine", "owner": me })).await;
    desk.set_status(&mine, "Closed").await;
    let anna = conversation(&desk, "Anna's", "anna@example.org").await;
    let anna = desk.ticket(&anna).await["contacts"][0]["id"].clone();
    desk.catch_up().await;
    let query = async |filter: Value, sort: Value| {
        let body = json!({ "filter": filter, "sort": sort });
        each(&desk.post("/api/v1/tickets/query", body).await.status(200), "name")
    };
    let by_number = json!({ "by": "number", "direction": "asc" });
    for (filter, names) in [
        (json!({}), json!(["A", "B", "C", "Mine", "Anna's"])),
        (json!({ "tags": ["x"] }), json!(["A", "B"])),
        (json!({ "tags": ["x"], "priorities": ["urgent"] }), json!(["B"])),
        (json!({ "owner_ids": ["me"] }), json!(["Mine"])),
        (json!({ "assigned": false, "tags": ["y"] }), json!(["B", "C"])),
        (json!({ "status_categories": ["closed"] }), json!(["Mine"])),
        (json!({ "contact_ids": [anna] }), json!(["Anna's"])),
        (json!({ "created": { "to": "2001-01-01T00:00:00Z" } }), json!([])),
        (
            json!({ "created": { "from": "2001-01-01T00:00:00Z" }, "tags": ["x"] }),
            json!(["A", "B"]),
        ),
    ] {
        assert_eq!(json!(query(filter.clone(), by_number.clone()).await), names, "{filter}");
    }
    let urgent_first = query(json!({ "tags": ["x", "y"] }), json!({ "by": "priority" })).await;
    assert_eq!(urgent_first, ["B", "C", "A"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_goes_on_where_its_page_ended_v05() {
    let desk = Helpdesk::start().await;
    for (n, priority) in ["low", "high", "high", "urgent", "low"].into_iter().enumerate() {
        desk.open_ticket_with(json!({ "name": format!("{n}"), "priority": priority })).await;
    }
    desk.catch_up().await;
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let body = json!({ "sort": { "by": "priority" }, "limit": 2, "cursor": cursor });
        let page = desk.post("/api/v1/tickets/query", body).await.ok();
        names.extend(each(&page, "name"));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
        let other = json!({ "sort": { "by": "number" }, "cursor": cursor });
        assert_eq!(desk.post("/api/v1/tickets/query", other).await.refused(400), "invalid_cursor");
    }
    assert_eq!(names, ["3", "2", "1", "4", "0"]);
}
