//! Forgetting (Z06): a person is erased everywhere, what concerns others stays, and that can be proved.

mod bytes;
mod contact;
mod rebuilt;
mod redact;
mod stopped;

use serde_json::{Value, json};
use testkit::{Client, eventually};

use crate::people::text;

/// Asks for an erasure and waits until it is done; answers the certificate.
pub async fn erase(desk: &Client, contact: &str, body: Value) -> Value {
    let path = format!("/api/v1/contacts/{contact}/erase");
    let started = desk.post(&path, body).await.status(202);
    completed(desk, &text(&started["certificate"]["id"])).await
}

/// Waits until an erasure is done; answers the certificate.
pub async fn completed(desk: &Client, certificate: &str) -> Value {
    let path = format!("/api/v1/erasures/{certificate}");
    eventually("the erasure is done", || async {
        let found = desk.get(&path).await.ok();
        (found["state"] == "completed").then_some(found)
    })
    .await
}

/// Why most are erased.
pub fn on_request() -> Value {
    json!({ "reason": "request_of_person" })
}
