//! A help desk that has one of everything, so that every operation has something to work on.

use serde_json::{Value, json};
use testkit::{Answer, Client, Helpdesk, Ticket};

use super::examples::{self, Example};
use super::operations::{Document, Operation};
use super::problem;
use crate::erasure::{erase, on_request};
use crate::people::{Colleague, colleague, conversation, default_pipeline, property, text, upload};

/// A file with every byte.
pub const BYTES: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut next = 0;
    while next < 256 {
        bytes[next] = next as u8;
        next += 1;
    }
    bytes
};

/// One of everything, made by the administrator.
pub struct World {
    pub desk: Helpdesk,
    pub document: Document,
    pub ben: Colleague,
    /// Somebody whose account is worked on.
    pub dora: String,
    pub ticket: Ticket,
    pub contact: String,
    pub channel: String,
    pub property: String,
    pub pipeline: String,
    /// One that can be archived.
    pub spare_pipeline: String,
    pub status: String,
    pub token: String,
    pub upload: String,
    pub attachment: String,
    pub message: String,
    pub comment: String,
    /// A contact of whom there is nothing else.
    pub stranger: String,
    /// The certificate of somebody who was erased.
    pub erasure: String,
    /// The position of a change that can be taken back.
    pub change: String,
}

impl World {
    pub async fn new() -> Self {
        let desk = Helpdesk::start().await;
        let document = Document::of(&desk).await;
        let ben = colleague(&desk, "Ben", "agent").await;
        let dora = json!({ "name": "Dora", "email": "dora@desk.example", "role": "agent" });
        let dora = text(&desk.post("/api/v1/users", dora).await.status(201)["id"]);
        let ticket = conversation(&desk, "Printer on fire", "anna@example.org").await;
        let contact = text(&desk.ticket(&ticket).await["contacts"][0]["id"]);
        let id =
            async |path: &str, body: Value| text(&desk.post(path, body).await.status(201)["id"]);
        let channel = json!({ "name": "Help", "address": "help@desk.example" });
        let channel = id("/api/v1/channels", channel).await;
        let cause = json!({ "key": "cause", "label": "Cause", "type": "single_choice",
            "choices": [{ "value": "heat", "label": "Heat" }, { "value": "dust", "label": "Dust" }] });
        let property = property(&desk, cause).await;
        let pipeline = text(&default_pipeline(&desk).await["id"]);
        let spare =
            json!({ "name": "Spare", "statuses": [{ "name": "Begun", "category": "open" }] });
        let spare_pipeline = id("/api/v1/pipelines", spare).await;
        let status = desk.status_id("Waiting on us").await;
        let token = id("/api/v1/tokens", json!({ "name": "spare" })).await;
        let attachment = upload(&desk, "log.txt", "text/plain", &BYTES).await;
        let comment = json!({ "text": "See log", "attachment_ids": [attachment] });
        let comment =
            text(&desk.post(&ticket.at("/comments"), comment).await.status(201)["comment_id"]);
        let message = text(&desk.reply(&ticket, "We are looking").await["message_id"]);
        let tagged = json!({ "tags": ["warm"] });
        let change = text(&desk.patch(&ticket.at(""), tagged).await.ok()["position"]);
        let upload = upload(&desk, "more.txt", "text/plain", &BYTES).await;
        desk.put(&ticket.at("/drafts/reply"), json!({ "text": "Dear Anna" })).await.ok();
        let stranger = id("/api/v1/contacts", json!({ "name": "Strange" })).await;
        let gone = id("/api/v1/contacts", json!({ "name": "Gone" })).await;
        let erasure = text(&erase(&desk, &gone, on_request()).await["id"]);
        desk.catch_up().await;
        Self {
            desk,
            document,
            ben,
            ticket,
            contact,
            channel,
            property,
            pipeline,
            spare_pipeline,
            dora,
            status,
            token,
            upload,
            attachment,
            message,
            comment,
            stranger,
            erasure,
            change,
        }
    }

    /// What is asked as an example of an operation.
    pub fn example(&self, operation: &Operation) -> Example {
        examples::of(self, operation)
    }

    /// Asks for the example of an operation.
    pub async fn ask(&self, client: &Client, operation: &Operation) -> Answer {
        let example = self.example(operation);
        client.send(example.request(client, operation)).await
    }

    /// The newest position of the log.
    pub async fn head(&self) -> String {
        self.desk.head().await.to_string()
    }

    /// A refusal: of the right form, and with nothing written.
    pub async fn refused(
        &self,
        what: &str,
        answer: Answer,
        status: u16,
        head: &str,
    ) -> serde_json::Map<String, Value> {
        let problem = problem::sound(what, &answer, status);
        assert_eq!(self.head().await, head, "{what}: something was written");
        problem
    }
}
