//! Colleagues of the administrator, and other words that several subjects share.

use serde_json::{Value, json};
pub use testkit::Colleague;
use testkit::{Client, Helpdesk, Ticket};

/// A new user of a role, signed in.
pub async fn colleague(desk: &Helpdesk, name: &str, role: &str) -> Colleague {
    desk.user(name, role).await
}

/// A ticket that one can write on: its contact has this address.
pub async fn conversation(desk: &Client, name: &str, email: &str) -> Ticket {
    let ticket = desk.open_ticket(name).await;
    desk.add_contact(&ticket, email).await;
    ticket
}

/// Uploads a file; answers its id.
pub async fn upload(client: &Client, name: &str, kind: &str, bytes: &[u8]) -> String {
    let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
    let form = reqwest::multipart::Form::new().part("file", part.mime_str(kind).unwrap());
    let request = client.request(reqwest::Method::POST, "/api/v1/uploads").multipart(form);
    text(&client.send(request).await.status(201)["id"])
}

/// A definition of a property; answers its id.
pub async fn property(desk: &Client, body: Value) -> String {
    text(&desk.post("/api/v1/properties", body).await.status(201)["id"])
}

/// Lets a status ask for properties (T10).
pub async fn require(desk: &Client, status: &str, keys: &[&str]) {
    let (pipeline, status) = (default_pipeline(desk).await, desk.status_id(status).await);
    let path = format!("/api/v1/pipelines/{}/statuses/{status}", text(&pipeline["id"]));
    desk.patch(&path, json!({ "required_properties": keys })).await.ok();
}

/// The pipeline that a workspace begins with.
pub async fn default_pipeline(desk: &Client) -> Value {
    let pipelines = desk.get("/api/v1/pipelines").await.ok();
    let all = pipelines["items"].as_array().unwrap();
    all.iter().find(|pipeline| pipeline["default"] == true).unwrap().clone()
}

/// A JSON text.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// One field of every item of a list.
pub fn each(list: &Value, field: &str) -> Vec<Value> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].clone()).collect()
}

/// The fields of a problem that are at fault.
pub fn faults(problem: &Value) -> Vec<(String, String)> {
    let faults = problem["errors"].as_array().cloned().unwrap_or_default();
    faults.iter().map(|fault| (text(&fault["field"]), text(&fault["code"]))).collect()
}
