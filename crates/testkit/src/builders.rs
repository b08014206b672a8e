//! Things tests need again and again, made through the API as any client would.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::client::Client;
use crate::helpdesk::Helpdesk;

/// The password of every colleague.
const PASSWORD: &str = "a password long enough";

/// A ticket, as far as tests name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: String,
    /// Its number.
    pub number: u64,
}

impl Ticket {
    /// An address below the ticket's own: `ticket.at("/replies")`.
    #[must_use]
    pub fn at(&self, below: &str) -> String {
        format!("/api/v1/tickets/{}{below}", self.id)
    }
}

/// Somebody who has signed in with a session of their own. It is also the [`Client`] with that session.
pub struct Colleague {
    /// The user's id.
    pub id: String,
    client: Client,
}

impl Deref for Colleague {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Client {
    /// A new ticket.
    pub async fn open_ticket(&self, name: &str) -> Ticket {
        self.open_ticket_with(json!({ "name": name })).await
    }

    /// A new ticket with more said about it.
    pub async fn open_ticket_with(&self, body: Value) -> Ticket {
        let made = self.post("/api/v1/tickets", body).await.status(201);
        Ticket {
            id: made["id"].as_str().expect("an id").to_owned(),
            number: made["number"].as_u64().expect("a number"),
        }
    }

    /// The ticket as the API shows it.
    pub async fn ticket(&self, ticket: &Ticket) -> Value {
        self.get(&ticket.at("")).await.ok()
    }

    /// Lets a contact with this address take part; answers the contact's id.
    pub async fn add_contact(&self, ticket: &Ticket, email: &str) -> String {
        let body = json!({ "contact": { "email": email } });
        let added = self.post(&ticket.at("/contacts"), body).await.ok();
        added["contact_id"].as_str().expect("a contact").to_owned()
    }

    /// Answers with a text.
    pub async fn reply(&self, ticket: &Ticket, text: &str) -> Value {
        self.post(&ticket.at("/replies"), json!({ "text": text })).await.ok()
    }

    /// Leaves an internal comment.
    pub async fn comment(&self, ticket: &Ticket, text: &str) -> Value {
        self.post(&ticket.at("/comments"), json!({ "text": text })).await.ok()
    }

    /// The id of a status by its name, in any pipeline.
    pub async fn status_id(&self, name: &str) -> String {
        let pipelines = self.get("/api/v1/pipelines").await.ok();
        let all = pipelines["items"].as_array().expect("pipelines");
        let mut statuses =
            all.iter().filter_map(|pipeline| pipeline["statuses"].as_array()).flatten();
        let found = statuses.find(|status| status["name"] == name);
        found
            .and_then(|status| status["id"].as_str())
            .unwrap_or_else(|| panic!("no status {name}"))
            .to_owned()
    }

    /// Puts a ticket into the status of this name.
    pub async fn set_status(&self, ticket: &Ticket, name: &str) -> Value {
        let status_id = self.status_id(name).await;
        self.put(&ticket.at("/status"), json!({ "status_id": status_id })).await.ok()
    }

    /// The names of the tickets in a view, in its order.
    pub async fn view(&self, id: &str) -> Vec<String> {
        let page = self.get(&format!("/api/v1/views/{id}/tickets")).await.ok();
        let items = page["items"].as_array().expect("items").iter();
        items.map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Everything in a ticket's thread, oldest first.
    pub async fn thread(&self, ticket: &Ticket) -> Vec<Value> {
        let page = self.get(&ticket.at("/thread?limit=200")).await.ok();
        page["items"].as_array().expect("items").clone()
    }

    /// The words of a ticket's timeline, oldest first.
    pub async fn timeline(&self, ticket: &Ticket) -> Vec<String> {
        let page = self.get(&ticket.at("/timeline?limit=200")).await.ok();
        let items = page["items"].as_array().expect("items").iter();
        items.map(|line| line["kind"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

impl Helpdesk {
    /// A new user of a role, signed in. The address is the name in lower case `@desk.example.org`.
    pub async fn user(&self, name: &str, role: &str) -> Colleague {
        let email = format!("{}@desk.example.org", name.to_lowercase());
        let body = json!({ "name": name, "email": email, "role": role });
        let user = self.post("/api/v1/users", body).await.status(201);
        let id = user["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/users/{id}/password");
        self.put(&path, json!({ "password": PASSWORD })).await.ok();
        let client = self.anonymous();
        let body = json!({ "email": email, "password": PASSWORD });
        client.post("/api/v1/session", body).await.ok();
        Colleague { id, client }
    }
}
