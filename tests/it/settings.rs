//! Settings: channels (H01), pipelines and statuses (T08, T10), properties (T11), the workspace.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Helpdesk;

use crate::people::{colleague, default_pipeline, each, property, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_is_made_changed_and_removed_and_gives_its_address_back_h01() {
    let desk = Helpdesk::start().await;
    let body = json!({ "name": "Help", "address": "help@desk.example" });
    let made = desk.post("/api/v1/channels", body.clone()).await.status(201);
    let path = format!("/api/v1/channels/{}", text(&made["id"]));
    assert_eq!(desk.post("/api/v1/channels", body.clone()).await.refused(409), "address_in_use");
    desk.patch(&path, json!({ "name": "Support" })).await.ok();
    let shown = desk.get(&path).await.ok();
    assert_eq!((&shown["name"], &shown["kind"]), (&json!("Support"), &json!("email")));
    assert_eq!((&shown["address"], &shown["version"]), (&json!("help@desk.example"), &json!(2)));
    desk.delete(&path).await.ok();
    assert_eq!(desk.get(&path).await.refused(404), "not_found");
    assert_eq!(desk.get("/api/v1/channels").await.ok()["items"], json!([]));
    desk.post("/api/v1/channels", body).await.status(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_begins_with_one_pipeline_t08() {
    let desk = Helpdesk::start().await;
    let pipeline = default_pipeline(&desk).await;
    let statuses = json!({ "items": pipeline["statuses"] });
    assert_eq!(each(&statuses, "name"), ["New", "Waiting on contact", "Waiting on us", "Closed"]);
    assert_eq!(each(&statuses, "category"), ["open", "waiting", "open", "closed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statuses_are_added_changed_and_moved_t08_t10() {
    let desk = Helpdesk::start().await;
    let cause = property(&desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let pipeline = text(&default_pipeline(&desk).await["id"]);
    let path = format!("/api/v1/pipelines/{pipeline}");
    let body = json!({ "name": "Parked", "category": "waiting", "index": 1 });
    let added = desk.post(&format!("{path}/statuses"), body).await.status(201);
    let status = format!("{path}/statuses/{}", text(&added["status_id"]));
    let body = json!({ "name": "Frozen", "required_properties": ["cause"], "index": 0 });
    let changed = desk.patch(&status, body).await.ok();
    let shown = desk.get(&path).await.ok();
    assert_eq!(shown["version"], changed["version"]);
    let first = &shown["statuses"][0];
    assert_eq!((&first["id"], &first["name"]), (&added["status_id"], &json!("Frozen")));
    assert_eq!(first["required_properties"], json!([cause]));
    let unknown = desk.patch(&status, json!({ "required_properties": ["nothing"] })).await;
    assert_eq!(unknown.refused(422), "unknown_property");
    desk.patch(&path, json!({ "name": "Care" })).await.ok();
    assert_eq!(desk.get(&path).await.ok()["name"], "Care");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_pipeline_can_be_another_one_and_is_never_archived_t04() {
    let desk = Helpdesk::start().await;
    let support = format!("/api/v1/pipelines/{}", text(&default_pipeline(&desk).await["id"]));
    assert_eq!(desk.delete(&support).await.refused(409), "pipeline_is_default");
    let body = json!({ "name": "Sales", "statuses": [{ "name": "Lead", "category": "open" }] });
    let sales = text(&desk.post("/api/v1/pipelines", body).await.status(201)["id"]);
    desk.put(&format!("/api/v1/pipelines/{sales}/default"), json!({})).await.ok();
    assert_eq!(desk.get("/api/v1/workspace").await.ok()["default_pipeline_id"], json!(sales));
    let ticket = desk.open_ticket("x").await;
    assert_eq!(desk.ticket(&ticket).await["status"]["name"], "Lead");
    desk.delete(&support).await.ok();
    assert_eq!(desk.get(&support).await.ok()["archived"], true);
    let body = json!({ "name": "x", "pipeline_id": support.rsplit('/').next() });
    assert_eq!(desk.post("/api/v1/tickets", body).await.refused(422), "pipeline_archived");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_is_defined_relabelled_and_archived_t11() {
    let desk = Helpdesk::start().await;
    let body = json!({
        "key": "severity", "label": "Severity", "description": "How bad", "type": "single_choice",
        "choices": [{ "value": "low", "label": "Low" }], "personal": false,
    });
    let id = property(&desk, body.clone()).await;
    assert_eq!(desk.post("/api/v1/properties", body).await.refused(409), "key_in_use");
    let path = format!("/api/v1/properties/{id}");
    desk.patch(&path, json!({ "label": "Gravity", "description": null })).await.ok();
    let choices = format!("{path}/choices");
    desk.post(&choices, json!({ "value": "very high", "label": "Very high" })).await.status(201);
    desk.delete(&format!("{choices}/low")).await.ok();
    let shown = desk.get(&path).await.ok();
    assert_eq!((&shown["label"], &shown["description"]), (&json!("Gravity"), &Value::Null));
    assert_eq!(shown["choices"], json!([{ "value": "very high", "label": "Very high" }]));
    assert_eq!(shown["retired_choices"], json!(["low"]));
    desk.delete(&format!("{choices}/very%20high")).await.ok();
    assert_eq!(desk.delete(&format!("{choices}/never")).await.refused(404), "not_found");
    desk.delete(&path).await.ok();
    let body = json!({ "name": "x", "properties": { "severity": "low" } });
    assert_eq!(desk.post("/api/v1/tickets", body).await.refused(422), "property_archived");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_for_those_who_manage_them_x01() {
    let desk = Helpdesk::start().await;
    let ben = colleague(&desk, "Ben", "agent").await;
    let pipeline = format!("/api/v1/pipelines/{}", text(&default_pipeline(&desk).await["id"]));
    for (method, path, body) in [
        (Method::POST, "/api/v1/channels", json!({ "name": "x", "address": "x@desk.example" })),
        (Method::POST, "/api/v1/properties", json!({ "key": "x", "label": "x", "type": "text" })),
        (Method::POST, "/api/v1/pipelines", json!({ "name": "x", "statuses": [] })),
        (Method::PATCH, &pipeline, json!({ "name": "x" })),
        (Method::PATCH, "/api/v1/workspace", json!({ "assign_on_first_reply": false })),
    ] {
        let refused = ben.send(ben.request(method, path).json(&body)).await.status(403);
        assert_eq!(refused["missing_right"], "settings.manage", "{path}");
    }
    for path in ["/api/v1/channels", "/api/v1/properties", "/api/v1/pipelines", "/api/v1/workspace"]
    {
        ben.get(path).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_in_pages_w01() {
    let desk = Helpdesk::start().await;
    for n in 0..5 {
        let body = json!({ "key": format!("p{n}"), "label": format!("P{n}"), "type": "text" });
        property(&desk, body).await;
    }
    let (mut keys, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = desk.get(&format!("/api/v1/properties?limit=2{cursor}")).await.ok();
        keys.extend(each(&page, "key"));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    keys.sort_by_key(ToString::to_string);
    assert_eq!(keys, ["p0", "p1", "p2", "p3", "p4"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_patch_that_names_nothing_changes_nothing() {
    let desk = Helpdesk::start().await;
    let before = desk.get("/api/v1/workspace").await.ok();
    desk.patch("/api/v1/workspace", json!({})).await.ok();
    assert_eq!(desk.get("/api/v1/workspace").await.ok(), before);
    assert_eq!(before["assign_on_first_reply"], true);
}
