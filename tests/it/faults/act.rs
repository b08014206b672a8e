//! What one writer may do, as requests, and what each of them does to the ticket it is about.

use reqwest::Method;
use serde_json::{Value, json};

use super::chance::Chance;
use super::send::{Ack, Ask};

const PRIORITIES: [&str; 5] = ["none", "low", "medium", "high", "urgent"];

/// A ticket as it has to be, by what was acknowledged.
#[derive(Clone, Debug)]
pub struct Expected {
    pub id: String,
    pub name: String,
    pub priority: &'static str,
    pub tag: Option<String>,
    pub contact: bool,
    pub replied: bool,
    /// What was said, in order.
    pub said: Vec<String>,
    /// The open draft: its id and its text.
    pub draft: Option<(String, String)>,
    /// The answer to the last request that wrote to the ticket itself.
    pub version: u64,
    pub position: u64,
}

/// One thing a writer does. Everything in it is fixed before it is first sent.
#[derive(Clone, Debug)]
pub enum Act {
    Create {
        name: String,
        priority: &'static str,
    },
    Rename {
        name: String,
    },
    Rank {
        priority: &'static str,
    },
    /// Says what is so already, which changes nothing and is accepted all the same.
    RankAgain {
        priority: &'static str,
    },
    Tag {
        tag: String,
    },
    AddContact {
        email: String,
    },
    Comment {
        text: String,
    },
    Reply {
        text: String,
    },
    SaveDraft {
        text: String,
    },
    SendDraft {
        text: String,
    },
}

impl Act {
    /// Chooses what comes next on a ticket; `word` makes what is written unlike anything else.
    pub fn choose(chance: &mut Chance, ticket: &Expected, word: &str) -> Self {
        let text = format!("said {word}");
        match chance.below(10) {
            0 => Self::Rename { name: format!("name {word}") },
            1 => match chance.pick(&PRIORITIES) {
                priority if priority == ticket.priority => Self::RankAgain { priority },
                priority => Self::Rank { priority },
            },
            2 => Self::Tag { tag: format!("tag-{word}") },
            3 if !ticket.contact => Self::AddContact { email: format!("{word}@example.org") },
            3 | 4 if ticket.contact => Self::Reply { text },
            5 | 6 if ticket.draft.is_some() => Self::SendDraft { text },
            5..=7 => Self::SaveDraft { text: format!("drafted {word}") },
            _ => Self::Comment { text },
        }
    }

    pub fn create(chance: &mut Chance, word: &str) -> Self {
        Self::Create { name: format!("name {word}"), priority: chance.pick(&PRIORITIES) }
    }

    /// The request. `ticket` is none for a ticket that is to be made.
    pub fn ask(&self, key: String, ticket: Option<&Expected>) -> Ask {
        let draft = ticket.and_then(|ticket| ticket.draft.as_ref()).map(|(id, _)| id.as_str());
        let (method, below, body) = match self {
            Self::Create { name, priority } => {
                let body = json!({ "name": name, "priority": priority });
                return Ask::post(key, "/api/v1/tickets", body);
            }
            Self::Rename { name } => (Method::PATCH, String::new(), json!({ "name": name })),
            Self::Rank { priority } | Self::RankAgain { priority } => {
                (Method::PATCH, String::new(), json!({ "priority": priority }))
            }
            Self::Tag { tag } => (Method::PATCH, String::new(), json!({ "tags": [tag] })),
            Self::AddContact { email } => {
                let body = json!({ "contact": { "email": email, "name": "Somebody" } });
                (Method::POST, "/contacts".to_owned(), body)
            }
            Self::Comment { text } => {
                (Method::POST, "/comments".to_owned(), json!({ "text": text }))
            }
            Self::Reply { text } => (Method::POST, "/replies".to_owned(), json!({ "text": text })),
            Self::SaveDraft { text } => {
                let known = draft.map_or_else(String::new, |id| format!("?draft_id={id}"));
                (Method::PUT, format!("/drafts/comment{known}"), json!({ "text": text }))
            }
            Self::SendDraft { text } => {
                let body = json!({ "text": text, "draft_id": draft });
                (Method::POST, "/comments".to_owned(), body)
            }
        };
        let id = &ticket.expect("only a creation has no ticket").id;
        Ask { key, method, path: format!("/api/v1/tickets/{id}{below}"), body }
    }

    /// The ticket a creation made.
    pub fn made(&self, ack: &Ack) -> Option<Expected> {
        let Self::Create { name, priority } = self else { return None };
        Some(Expected {
            id: text(&ack.body["id"]),
            name: name.clone(),
            priority,
            tag: None,
            contact: false,
            replied: false,
            said: Vec::new(),
            draft: None,
            version: ack.body["version"].as_u64().unwrap(),
            position: ack.position,
        })
    }

    /// What an acknowledged request did to its ticket.
    pub fn apply(&self, ticket: &mut Expected, ack: &Ack) {
        match self {
            Self::SaveDraft { text: draft } => {
                ticket.draft = Some((text(&ack.body["id"]), draft.clone()));
                return; // a draft is a stream of its own
            }
            Self::Create { .. } | Self::RankAgain { .. } => {}
            Self::Rename { name } => ticket.name.clone_from(name),
            Self::Rank { priority } => ticket.priority = *priority,
            Self::Tag { tag } => ticket.tag = Some(tag.clone()),
            Self::AddContact { .. } => ticket.contact = true,
            Self::Comment { text } => ticket.said.push(text.clone()),
            Self::Reply { text } => {
                ticket.said.push(text.clone());
                ticket.replied = true;
            }
            Self::SendDraft { text } => {
                ticket.said.push(text.clone());
                ticket.draft = None;
            }
        }
        assert_eq!(ack.body["id"].as_str(), Some(ticket.id.as_str()), "{self:?}: {ack:?}");
        ticket.version = ack.body["version"].as_u64().unwrap();
        ticket.position = ack.position;
    }

    /// Whether sending it again later must answer the same. A save answers what the draft is then.
    pub const fn answers_alike(&self) -> bool {
        !matches!(self, Self::SaveDraft { .. })
    }

    /// Whether the last event it wrote stands where its answer says. What changed nothing names the newest position then.
    pub const fn ends_at_its_answer(&self) -> bool {
        !matches!(self, Self::SaveDraft { .. } | Self::RankAgain { .. })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
