//! Bad input: texts and lists of every unpleasant kind. What is refused writes nothing, and what is accepted reads back
//! exactly. Values, files and bodies that are no JSON are in the folder `refusals`.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, Helpdesk, Ticket};

use crate::people::{conversation, default_pipeline, property, text};
use crate::refusals::problem;

const MEGABYTE: usize = 1 << 20;

/// Texts that something somewhere stumbles over.
pub fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\t\r\n",
        "\u{200b}\u{2060}\u{feff}",
        "\u{202e}\u{2066}",
        "\u{0}",
        "a\u{0}b",
        "a\u{7}b",
        "a\u{1b}[31mb",
        "a\u{85}b",
        "a\u{7f}b",
        " trimmed ",
        "a\tb\r\nc\nd",
        "a\u{202e}b\u{200f}c",
        "a\u{200b}b\u{200d}c",
        "\u{feff}x",
        "e\u{301}",
        "\u{e9}",
        "\u{fb01}",
        "\u{10ffff}\u{fffe}\u{e000}",
        "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
        "a\u{2028}b\u{2029}c",
        "\u{130}I\u{131}",
        "<script>alert(1)</script>",
        "&amp;&lt;",
        "'; drop table x; --",
        "\\",
        "${x}{{7*7}}%s%n",
        "=1+1",
        "../../etc/passwd",
        "null",
        "\"",
        "a,b;c",
        "\u{fffd}",
    ]
    .map(str::to_owned)
    .into();
    texts.extend([
        "x".repeat(MEGABYTE),
        "\u{1f525}".repeat(256),
        "\u{301}".repeat(2_000),
        "a ".repeat(200),
    ]);
    texts
}

/// Somewhere a text is written, and where it is read.
struct Place {
    name: &'static str,
    method: Method,
    path: String,
    body: fn(&str) -> Value,
    read: String,
    pointer: &'static str,
    /// Whether it is one line: trimmed, with spaces for line breaks and tabs.
    line: bool,
}

impl Place {
    /// Whether it is read as the items of a list, one for each text.
    fn is_list(&self) -> bool {
        self.read.contains("/thread")
    }
}

struct World {
    desk: Helpdesk,
    ticket: Ticket,
    places: Vec<Place>,
}

impl World {
    async fn new() -> Self {
        let desk = Helpdesk::start().await;
        let ticket = conversation(&desk, "Printer on fire", "anna@example.org").await;
        let mut places = ticket_places(&ticket);
        let mut spoken = Vec::new();
        for _ in 0..SPOKEN {
            spoken.push(conversation(&desk, "Fire", "anna@example.org").await);
        }
        places.extend(said_places(&spoken));
        places.extend(setting_places(&desk, &ticket).await);
        Self { desk, ticket, places }
    }

    async fn head(&self) -> String {
        self.desk.head().await.to_string()
    }

    /// Refused, and nothing written.
    async fn refused(&self, what: &str, answer: Answer, head: &str) -> Value {
        let status = answer.status.as_u16();
        assert!([400, 409, 413, 422].contains(&status), "{what}: {status} {}", answer.text());
        let problem = problem::sound(what, &answer, status);
        assert_eq!(self.head().await, head, "{what}: something was written");
        problem.into()
    }
}

fn place(
    name: &'static str,
    (method, path): (Method, String),
    body: fn(&str) -> Value,
    (read, pointer): (String, &'static str),
    line: bool,
) -> Place {
    Place { name, method, path, body, read, pointer, line }
}

fn ticket_places(ticket: &Ticket) -> Vec<Place> {
    let patch = || (Method::PATCH, ticket.at(""));
    let shown = |pointer| (ticket.at(""), pointer);
    vec![
        place(
            "the name of a ticket",
            patch(),
            |text| json!({ "name": text }),
            shown("/name"),
            true,
        ),
        place("a category", patch(), |text| json!({ "category": text }), shown("/category"), true),
        place("a tag", patch(), |text| json!({ "tags": [text] }), shown("/tags/0"), true),
        place(
            "a text property",
            patch(),
            |text| json!({ "properties": { "cause": text } }),
            shown("/properties/cause"),
            false,
        ),
    ]
}

/// On how many tickets something is said, so that every thread stays short.
const SPOKEN: usize = 4;

fn said_places(tickets: &[Ticket]) -> Vec<Place> {
    let at = |index: usize, below: &str| (Method::POST, tickets[index].at(below));
    let last = |index: usize, pointer| (tickets[index].at("/thread?limit=200"), pointer);
    let said: fn(&str) -> Value = |text| json!({ "text": text });
    let subject: fn(&str) -> Value = |text| json!({ "text": "x", "subject": text });
    let named: fn(&str) -> Value =
        |text| json!({ "text": "x", "to": [{ "name": text, "email": "anna@example.org" }] });
    let draft = tickets[0].at("/drafts/reply");
    let drafted = (draft.clone(), "/content/text");
    vec![
        place("a comment", at(0, "/comments"), said, last(0, "/text"), false),
        place("a reply", at(1, "/replies"), said, last(1, "/text"), false),
        place("a subject", at(2, "/replies"), subject, last(2, "/subject"), true),
        place("the name of a recipient", at(3, "/replies"), named, last(3, "/to/0/name"), true),
        place("a draft", (Method::PUT, draft), said, drafted, false),
    ]
}

async fn setting_places(desk: &Helpdesk, ticket: &Ticket) -> Vec<Place> {
    let cause = property(desk, json!({ "key": "cause", "label": "Cause", "type": "text" })).await;
    let channel = json!({ "name": "Help", "address": "help@desk.example" });
    let channel = text(&desk.post("/api/v1/channels", channel).await.status(201)["id"]);
    let user = json!({ "name": "Ben", "email": "ben@desk.example", "role": "agent" });
    let user = text(&desk.post("/api/v1/users", user).await.status(201)["id"]);
    let contact = text(&desk.ticket(ticket).await["contacts"][0]["id"]);
    let pipeline = text(&default_pipeline(desk).await["id"]);
    let status = desk.status_id("New").await;
    let pipeline = format!("/api/v1/pipelines/{pipeline}");
    let at = |resource: &str, id: &str| format!("/api/v1/{resource}/{id}");
    let name: fn(&str) -> Value = |text| json!({ "name": text });
    let (property, contact, channel, user) = (
        at("properties", &cause),
        at("contacts", &contact),
        at("channels", &channel),
        at("users", &user),
    );
    let patch = |path: &str| (Method::PATCH, path.to_owned());
    vec![
        place("the name of a channel", patch(&channel), name, (channel.clone(), "/name"), true),
        place(
            "the address of a channel",
            patch(&channel),
            |text| json!({ "address": text }),
            (channel.clone(), "/address"),
            true,
        ),
        place("the name of a user", patch(&user), name, (user.clone(), "/name"), true),
        place("the name of a contact", patch(&contact), name, (contact.clone(), "/name"), true),
        place(
            "an address",
            patch(&contact),
            |text| json!({ "emails": [text] }),
            (contact.clone(), "/emails/0"),
            true,
        ),
        place(
            "a phone number",
            patch(&contact),
            |text| json!({ "phones": [text] }),
            (contact.clone(), "/phones/0"),
            true,
        ),
        place("the name of a pipeline", patch(&pipeline), name, (pipeline.clone(), "/name"), true),
        place(
            "the name of a status",
            patch(&format!("{pipeline}/statuses/{status}")),
            name,
            (pipeline, "/statuses/0/name"),
            true,
        ),
        place(
            "a label",
            patch(&property),
            |text| json!({ "label": text }),
            (property.clone(), "/label"),
            true,
        ),
        place(
            "a description",
            patch(&property),
            |text| json!({ "description": text }),
            (property, "/description"),
            false,
        ),
    ]
}

/// What is kept of a line.
fn kept(place: &Place, text: &str) -> String {
    if place.line {
        text.replace("\r\n", " ").replace(['\t', '\n', '\r'], " ").trim().to_owned()
    } else {
        text.to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_is_refused_or_reads_back_exactly_wherever_it_stands() {
    let world = World::new().await;
    let mut accepted = 0;
    for place in &world.places {
        // What the answers say was written.
        let mut head = world.desk.head().await.0;
        let mut said = Vec::new();
        for text in texts() {
            let start: String = text.chars().take(40).collect();
            let what = format!("{} of {start:?}", place.name);
            let body = (place.body)(&text);
            let request = world.desk.request(place.method.clone(), &place.path).json(&body);
            let answer = world.desk.send(request).await;
            let status = answer.status.as_u16();
            if status >= 300 {
                assert!([409, 422].contains(&status), "{what}: {}", answer.text());
                problem::sound(&what, &answer, status);
                continue;
            }
            accepted += 1;
            assert!(!text.contains('\0') || place.name == "a draft", "{what} was accepted");
            head = head.max(answer.json["position"].as_str().unwrap().parse().unwrap());
            if place.is_list() {
                said.push(text);
            } else {
                let shown = world.desk.get(&place.read).await.ok();
                reads_back(place, &shown, &text);
            }
        }
        assert_eq!(world.desk.head().await.0, head, "{}: more was written than said", place.name);
        if place.is_list() {
            world.desk.catch_up().await;
            let shown = world.desk.get(&place.read).await.ok();
            let items = shown["items"].as_array().unwrap();
            assert_eq!(items.len(), said.len(), "{}", place.name);
            items.iter().zip(said).for_each(|(item, text)| reads_back(place, item, &text));
        }
    }
    assert!(accepted > 300, "{accepted}");
}

fn reads_back(place: &Place, shown: &Value, text: &str) {
    let what = format!("{} of {:?}", place.name, text.chars().take(40).collect::<String>());
    let empty = kept(place, text).trim().is_empty() || is_invisible(text);
    match shown.pointer(place.pointer).and_then(Value::as_str) {
        // Without a subject it goes out under that of what it answers.
        Some(read) if empty && place.pointer == "/subject" => assert!(!read.is_empty(), "{what}"),
        Some(read) => assert_eq!(read, kept(place, text), "{what}"),
        None => assert!(empty, "{what}: {:?}", shown.pointer(place.pointer)),
    }
}

fn is_invisible(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || "\u{200b}\u{2060}\u{feff}\u{202e}\u{2066}".contains(c))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_has_bounds_wherever_it_stands() {
    let world = World::new().await;
    let many = |item: fn(usize) -> Value| Value::from((0..10_000).map(item).collect::<Vec<_>>());
    let words = || many(|index| json!(format!("x{index}")));
    let ids = || many(|index| json!(format!("01900000-0000-7000-8000-{index:012}")));
    let emails = || many(|index| json!(format!("x{index}@example.org")));
    let statuses = many(|index| json!({ "name": format!("x{index}"), "category": "open" }));
    let choices = many(|index| json!({ "value": format!("x{index}"), "label": "X" }));
    let pipeline = text(&default_pipeline(&world.desk).await["id"]);
    let free: Value = (0..10_000)
        .map(|index| (format!("x{index}"), json!(1)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (path, body) in [
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "tags": words() })),
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "contact_ids": ids() })),
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "company_ids": ids() })),
        ("/api/v1/tickets".to_owned(), json!({ "name": "x", "properties": free })),
        (world.ticket.at("/replies"), json!({ "text": "x", "to": emails() })),
        (world.ticket.at("/replies"), json!({ "text": "x", "cc": emails() })),
        (world.ticket.at("/replies"), json!({ "text": "x", "bcc": emails() })),
        (world.ticket.at("/replies"), json!({ "text": "x", "attachment_ids": ids() })),
        (
            world.ticket.at("/replies"),
            json!({ "text": "x", "to": emails(), "attachment_ids": ids() }),
        ),
        (world.ticket.at("/comments"), json!({ "text": "x", "mentions": ids() })),
        (world.ticket.at("/comments"), json!({ "text": "x", "attachment_ids": ids() })),
        ("/api/v1/contacts".to_owned(), json!({ "name": "x", "emails": emails() })),
        ("/api/v1/contacts".to_owned(), json!({ "name": "x", "phones": words() })),
        ("/api/v1/pipelines".to_owned(), json!({ "name": "x", "statuses": statuses })),
        ("/api/v1/pipelines".to_owned(), json!({ "name": "x", "statuses": [] })),
        (
            format!("/api/v1/pipelines/{pipeline}/statuses"),
            json!({ "name": "x", "category": "open", "required_properties": words() }),
        ),
        (
            "/api/v1/properties".to_owned(),
            json!({ "key": "x", "label": "x", "type": "single_choice", "choices": choices }),
        ),
        ("/api/v1/tickets/query".to_owned(), json!({ "filter": { "tags": words() } })),
        ("/api/v1/tickets/query".to_owned(), json!({ "filter": { "contact_ids": ids() } })),
    ] {
        let (head, field) =
            (world.head().await, body.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        let what = format!("{path} with {field:?}");
        let problem = world.refused(&what, world.desk.post(&path, body).await, &head).await;
        assert!(problem.to_string().len() < 200_000, "{what}: the answer is endless");
    }
    let hundred = |count: usize| json!({ "tags": (0..count).map(|index| format!("x{index}")).collect::<Vec<_>>() });
    let head = world.head().await;
    world
        .refused("101 tags", world.desk.patch(&world.ticket.at(""), hundred(101)).await, &head)
        .await;
    world.desk.patch(&world.ticket.at(""), hundred(100)).await.ok();
    let words = |tags: &Value| -> std::collections::BTreeSet<String> {
        tags["tags"].as_array().unwrap().iter().map(text).collect()
    };
    assert_eq!(words(&world.desk.ticket(&world.ticket).await), words(&hundred(100)));
}
