//! A valid request for every operation. A new operation gets a line in `body` if it takes one.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::Client;

use super::operations::Operation;
use super::world::World;

/// A valid request.
#[derive(Clone, Debug)]
pub struct Example {
    /// The address with its query.
    pub path: String,
    /// The JSON body, if there is one.
    pub body: Option<Value>,
    /// Whether it sends a file instead.
    file: bool,
}

impl Example {
    /// The request, complete.
    pub fn request(&self, client: &Client, operation: &Operation) -> RequestBuilder {
        let request = client.request(operation.method.clone(), &self.path);
        match &self.body {
            Some(body) => request.json(body),
            None if self.file => request.multipart(file()),
            None => request,
        }
    }

    /// The request with another body.
    pub fn with_body(
        &self,
        client: &Client,
        operation: &Operation,
        body: impl Into<Vec<u8>>,
    ) -> RequestBuilder {
        let request = client.request(operation.method.clone(), &self.path);
        request.header("content-type", "application/json").body(body.into())
    }
}

/// The example of an operation; a test fails if there is none.
pub fn of(world: &World, operation: &Operation) -> Example {
    let mut path = operation.template.clone();
    for place in operation.places() {
        let known = place_of(world, operation, &place);
        let known = known.unwrap_or_else(|| panic!("{}: no example of {place}", operation.name()));
        path = path.replacen(&format!("{{{place}}}"), &known, 1);
    }
    if operation.takes("query", "q") {
        path.push_str("?q=anna");
    }
    if operation.requires("query", "from") {
        path.push_str("?from=version:1");
    }
    let file = path == "/api/v1/uploads";
    let body = operation.schema.as_ref().map(|_| body(world, operation));
    Example { path, body, file }
}

/// What stands at a place of an address.
fn place_of(world: &World, operation: &Operation, place: &str) -> Option<String> {
    let resource = operation.template.split('/').nth(3)?;
    Some(match (resource, place) {
        ("tickets", "id") => world.ticket.id.clone(),
        ("tickets", "kind") => "reply".to_owned(),
        ("tickets", "attachment_id") => world.attachment.clone(),
        ("tickets", "message_id") => world.message.clone(),
        ("tickets", "comment_id") => world.comment.clone(),
        ("erasures", "id") => world.erasure.clone(),
        ("contacts", "id") if operation.template.ends_with("/erase") => world.stranger.clone(),
        ("contacts", "id") => world.contact.clone(),
        ("channels", "id") => world.channel.clone(),
        ("pipelines", "id") if operation.method == Method::DELETE => world.spare_pipeline.clone(),
        ("pipelines", "id") => world.pipeline.clone(),
        ("pipelines", "status_id") => world.status.clone(),
        ("properties", "id") => world.property.clone(),
        ("properties", "value") => "dust".to_owned(),
        ("tokens", "id") => world.token.clone(),
        ("uploads", "id") => world.upload.clone(),
        ("users", "id") => world.dora.clone(),
        ("views", "id") => "open".to_owned(),
        ("admin", "name") => "inbox".to_owned(),
        _ => return None,
    })
}

/// A valid body, with as many fields as go together.
fn body(world: &World, operation: &Operation) -> Value {
    let (method, template) = (&operation.method, operation.template.as_str());
    let written = template.strip_prefix("/api/v1").unwrap_or(template);
    let body =
        if *method == Method::POST { created(world, written) } else { changed(world, written) };
    body.unwrap_or_else(|| panic!("{}: no example of its body", operation.name()))
}

fn created(world: &World, template: &str) -> Option<Value> {
    let ben = &world.ben.id;
    Some(match template {
        "/admin/log/verify" => json!({ "heads": [world.desk.sign_head(0, [0; 32])] }),
        "/admin/projections/{name}/switch" => json!({ "force": false }),
        "/channels" => json!({ "name": "Sales", "address": "sales@desk.example", "kind": "email" }),
        "/contacts" => {
            json!({ "name": "Cleo", "emails": ["cleo@example.org"], "phones": ["+49 30 1234"] })
        }
        "/contacts/{id}/erase" => {
            json!({ "reason": "retention", "shared": "keep", "also": [world.message] })
        }
        "/tickets/{id}/messages/{message_id}/redact" => {
            json!({ "passages": ["looking"], "everything": false, "reason": "other" })
        }
        "/tickets/{id}/comments/{comment_id}/redact" => {
            json!({ "passages": ["log"], "reason": "other" })
        }
        "/tickets/{id}/attachments/{attachment_id}/redact" => json!({ "reason": "other" }),
        "/pipelines" => json!({ "name": "Repairs", "statuses": [
            { "name": "New", "category": "open", "required_properties": [] }] }),
        "/pipelines/{id}/statuses" => {
            json!({ "name": "Parked", "category": "waiting", "required_properties": ["cause"], "index": 1 })
        }
        "/properties" => json!({ "key": "part", "label": "Part", "type": "single_choice",
            "description": "Which part", "personal": false,
            "choices": [{ "value": "drum", "label": "Drum" }] }),
        "/properties/{id}/choices" => json!({ "value": "water", "label": "Water" }),
        "/session" => {
            json!({ "email": testkit::ADMIN_EMAIL, "password": testkit::ADMIN_PASSWORD })
        }
        "/setup" => json!({ "token": "none", "name": "Ada", "email": "ada@example.org",
            "password": "long enough for a password" }),
        "/tickets" => json!({ "name": "Another fire", "pipeline_id": world.pipeline,
            "status_id": world.status, "priority": "high", "category": "Hardware",
            "owner": { "user_id": ben, "team_id": null }, "contact_ids": [world.contact],
            "company_ids": [], "tags": ["fire"], "properties": { "cause": "heat" } }),
        "/tickets/query" => json!({ "filter": { "tags": ["fire"], "owner_ids": ["me"],
            "created": { "from": "2020-01-01T00:00:00Z", "to": null } },
            "sort": { "by": "number", "direction": "asc" }, "limit": 5, "cursor": null }),
        "/tickets/{id}/comments" => {
            json!({ "html": "<p>Look</p>", "text": "Look", "mentions": [ben], "attachment_ids": [] })
        }
        "/tickets/{id}/contacts" => json!({ "contact": { "name": "Cleo",
            "email": "cleo@example.org", "phone": "+49 30 1234" } }),
        "/tickets/{id}/replies" => json!({ "html": "<p>Hello</p>", "text": "Hello",
            "subject": "Fire", "in_reply_to": world.message, "from_channel_id": world.channel,
            "to": ["Anna <anna@example.org>"], "cc": [{ "name": "Cleo", "email": "cleo@example.org" }],
            "bcc": [], "attachment_ids": [], "status_id": world.status, "properties": { "cause": "heat" } }),
        "/tickets/{id}/undo" => json!({ "position": world.change }),
        "/tokens" => json!({ "name": "another" }),
        "/users" => json!({ "name": "Emil", "email": "emil@desk.example", "role": "agent" }),
        _ => return None,
    })
}

fn changed(world: &World, template: &str) -> Option<Value> {
    Some(match template {
        "/channels/{id}" => json!({ "name": "Support", "address": "support@desk.example" }),
        "/contacts/{id}" => {
            json!({ "name": "Anna B", "emails": ["anna@example.org"], "phones": [] })
        }
        "/pipelines/{id}" => json!({ "name": "Everything" }),
        "/pipelines/{id}/statuses/{status_id}" => json!({ "name": "On us", "category": "open",
            "required_properties": ["cause"], "index": 0 }),
        "/properties/{id}" => json!({ "label": "Reason", "description": "Why it burns" }),
        "/tickets/{id}" => {
            json!({ "name": "Big fire", "priority": "urgent", "category": "Hardware",
            "properties": { "cause": "heat" }, "tags": ["fire", "warm"] })
        }
        "/tickets/{id}/drafts/{kind}" => json!({ "html": "<p>Dear</p>", "text": "Dear",
            "to": ["anna@example.org"], "cc": [], "bcc": [], "from_channel_id": world.channel,
            "in_reply_to": world.message, "attachment_ids": [], "status_id": world.status,
            "properties": { "cause": "heat" }, "mentions": [] }),
        "/tickets/{id}/owner" => {
            json!({ "user_id": world.ben.id, "team_id": null, "note": "Yours" })
        }
        "/tickets/{id}/status" => {
            json!({ "status_id": world.status, "properties": { "cause": "heat" } })
        }
        "/users/{id}" => json!({ "name": "Benjamin", "role": "light_agent", "active": true }),
        "/users/{id}/password" => {
            json!({ "password": "long enough for a password", "current_password": null })
        }
        "/workspace" => json!({ "assign_on_first_reply": true }),
        _ => return None,
    })
}

fn file() -> reqwest::multipart::Form {
    let part = reqwest::multipart::Part::bytes(b"it burns".to_vec()).file_name("fire.txt");
    reqwest::multipart::Form::new().part("file", part)
}
