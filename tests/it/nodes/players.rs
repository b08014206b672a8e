//! Clients that ask any server anything, and note when they asked, when they were answered, and what.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use reqwest::Method;
use serde_json::{Value, json};

use super::drafts::DraftOp;
use super::linear::Call;
use super::models::{AddressOp, NumberOp, TicketAnswer, TicketAsk, TicketOp, Who};
use super::servers::{Servers, Told};
use crate::faults::chance::Chance;

pub const PRIORITIES: [&str; 5] = ["none", "low", "medium", "high", "urgent"];
/// What happened to one object.
pub struct History<Op> {
    pub calls: Mutex<Vec<Call<Op>>>,
    /// Whether something may have happened to it that has no name: what follows cannot be judged.
    pub spoilt: AtomicBool,
}

impl<Op> History<Op> {
    pub fn new() -> Self {
        Self { calls: Mutex::new(Vec::new()), spoilt: AtomicBool::new(false) }
    }

    /// From now on the object is in a state that nobody can tell.
    fn spoil(&self) {
        self.spoilt.store(true, Ordering::Relaxed);
    }

    fn note(&self, call: Call<Op>) {
        self.calls.lock().unwrap().push(call);
    }
}

/// A ticket with its colleague.
pub struct TicketObject {
    pub id: String,
    pub colleague: String,
    pub history: History<TicketOp>,
    pub draft: History<DraftOp>,
}

/// An address, the contacts that want it, and a ticket for contacts that are added by it.
pub struct AddressObject {
    pub email: String,
    pub contacts: Vec<Who>,
    pub ticket: String,
    pub history: History<AddressOp>,
}

/// Everything that is asked for.
pub struct Office {
    pub servers: Servers,
    pub statuses: Vec<String>,
    pub tickets: Vec<TicketObject>,
    pub addresses: Vec<AddressObject>,
    pub numbers: History<NumberOp>,
    /// The newest ticket number when the histories begin.
    pub newest: u64,
    /// When each accepted command was asked for, answered, and where in the log it ends.
    pub positions: Mutex<Vec<(u64, u64, u64)>>,
    /// How many reads of a list were at least as new as asked for.
    pub fresh_reads: Mutex<u64>,
    pub started: Instant,
}

/// One client.
pub struct Player {
    pub name: String,
    pub office: Arc<Office>,
    pub chance: Chance,
    pub asked: usize,
}

impl Player {
    /// Asks so many times.
    pub async fn play(mut self, rounds: usize) {
        for _ in 0..rounds {
            self.asked += 1;
            match self.chance.below(20) {
                0..=10 => self.ask_of_a_ticket().await,
                11 | 12 => self.number().await,
                13..=16 => self.address().await,
                17 => self.list().await,
                _ => self.draft().await,
            }
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.office.started.elapsed().as_nanos()).unwrap()
    }

    /// Sends a write, and answers when it was asked for, when it was answered, and what. A refusal behind an attempt that is still open says nothing, since that one may yet come about.
    async fn write(
        &mut self,
        (method, path, body): (Method, &str, Option<Value>),
        expected: Option<u64>,
    ) -> (u64, Option<u64>, Option<Told>) {
        let mut headers = vec![("idempotency-key", format!("{} {}", self.name, self.asked))];
        headers.extend(expected.map(|version| ("if-match", format!("\"{version}\""))));
        let office = Arc::clone(&self.office);
        let invoked = self.now();
        let told = office.servers.ask(&mut self.chance, (method, path, body), &headers).await;
        let returned = self.now();
        let told = told.filter(|told| told.is_accepted() || !told.doubtful);
        (invoked, told.is_some().then_some(returned), told)
    }

    /// The same for what is written to the log and nowhere else: an acceptance is noted with its place in the log.
    async fn command(
        &mut self,
        request: (Method, &str, Option<Value>),
        expected: Option<u64>,
    ) -> (u64, Option<u64>, Option<Told>) {
        let (invoked, returned, told) = self.write(request, expected).await;
        let accepted = told.as_ref().filter(|told| told.is_accepted());
        if let (Some(returned), Some(position)) = (returned, accepted.and_then(Told::position)) {
            self.office.positions.lock().unwrap().push((invoked, returned, position));
        }
        (invoked, returned, told)
    }

    async fn read(&mut self, path: &str) -> Option<(u64, u64, Told)> {
        let office = Arc::clone(&self.office);
        let invoked = self.now();
        let told = office.servers.ask(&mut self.chance, (Method::GET, path, None), &[]).await?;
        Some((invoked, self.now(), told))
    }

    async fn ask_of_a_ticket(&mut self) {
        let office = Arc::clone(&self.office);
        let ticket = &office.tickets[self.chance.below(office.tickets.len())];
        let path = format!("/api/v1/tickets/{}", ticket.id);
        let ask = match self.chance.below(12) {
            0..=2 => TicketAsk::Status(self.chance.below(office.statuses.len())),
            3..=5 => TicketAsk::Priority(self.chance.below(PRIORITIES.len())),
            6 | 7 => TicketAsk::Owner(self.chance.below(3) > 0),
            8 => TicketAsk::Access(self.chance.below(2) > 0),
            _ => TicketAsk::Read,
        };
        if ask == TicketAsk::Read {
            let Some((invoked, returned, told)) = self.read(&path).await else { return };
            let answer = shown(&office, ticket, &told);
            let op = TicketOp { ask, expected: None, answer };
            return ticket.history.note(Call { invoked, returned: Some(returned), op });
        }
        let (method, path, body) = match ask {
            TicketAsk::Status(to) => {
                (Method::PUT, format!("{path}/status"), json!({ "status_id": office.statuses[to] }))
            }
            TicketAsk::Priority(to) => (Method::PATCH, path, json!({ "priority": PRIORITIES[to] })),
            TicketAsk::Owner(true) => {
                (Method::PUT, format!("{path}/owner"), json!({ "user_id": ticket.colleague }))
            }
            TicketAsk::Owner(false) => {
                (Method::PUT, format!("{path}/owner"), json!({ "user_id": null }))
            }
            TicketAsk::Access(active) => {
                let path = format!("/api/v1/users/{}", ticket.colleague);
                (Method::PATCH, path, json!({ "active": active }))
            }
            TicketAsk::Read => return,
        };
        let expected = match ask {
            TicketAsk::Access(_) => None,
            _ if self.chance.below(3) == 0 => self.some_version(ticket),
            _ => None,
        };
        let (invoked, returned, told) = self.command((method, &path, Some(body)), expected).await;
        let answer = told.map_or(TicketAnswer::Unknown, |told| ticket_answer(&told));
        ticket.history.note(Call { invoked, returned, op: TicketOp { ask, expected, answer } });
    }

    /// A version somebody was told of lately, perhaps the newest.
    fn some_version(&mut self, ticket: &TicketObject) -> Option<u64> {
        let calls = ticket.history.calls.lock().unwrap();
        let recent = calls.iter().rev().take(6).filter_map(|call| match call.op.answer {
            TicketAnswer::Shown { version, .. } => Some(version),
            TicketAnswer::Accepted { version } if !is_access(call.op.ask) => Some(version),
            _ => None,
        });
        let recent: Vec<u64> = recent.collect();
        (!recent.is_empty()).then(|| recent[self.chance.below(recent.len())])
    }

    async fn number(&mut self) {
        let office = Arc::clone(&self.office);
        if self.chance.below(2) == 0 {
            let body = json!({ "name": format!("{} {}", self.name, self.asked) });
            let (invoked, returned, told) =
                self.command((Method::POST, "/api/v1/tickets", Some(body)), None).await;
            let op = match told {
                Some(told) if told.is_accepted() => NumberOp::Taken(told.version("number")),
                Some(told) => panic!("no ticket: {}", told.json),
                None => NumberOp::Unknown,
            };
            return office.numbers.note(Call { invoked, returned, op });
        }
        let taken =
            office.numbers.calls.lock().unwrap().iter().fold(office.newest, |newest, call| {
                if let NumberOp::Taken(number) = call.op { newest.max(number) } else { newest }
            });
        let number = taken + self.chance.below(3) as u64;
        let path = format!("/api/v1/tickets/{number}");
        let Some((invoked, returned, told)) = self.read(&path).await else { return };
        let op = NumberOp::Looked { number, found: told.status == 200 };
        office.numbers.note(Call { invoked, returned: Some(returned), op });
    }

    async fn address(&mut self) {
        let office = Arc::clone(&self.office);
        let address = &office.addresses[self.chance.below(office.addresses.len())];
        let (invoked, returned, op) = if self.chance.below(4) == 0 {
            let path = format!("/api/v1/tickets/{}/contacts", address.ticket);
            let body = json!({ "contact": { "email": address.email } });
            let (invoked, returned, told) =
                self.command((Method::POST, &path, Some(body)), None).await;
            match told {
                Some(told) if told.is_accepted() => {
                    (invoked, returned, AddressOp::Attach(told.id("contact_id")))
                }
                Some(told) => (invoked, returned, contended(&told)),
                None => return address.history.spoil(), // whoever it made known cannot be named
            }
        } else {
            let who = self.somebody(address);
            let contact = uuid::Uuid::from_u128(who);
            let takes = self.chance.below(2) == 0;
            let emails = if takes { json!([address.email]) } else { json!([]) };
            let path = format!("/api/v1/contacts/{contact}");
            let body = json!({ "name": "Somebody", "emails": emails });
            let (invoked, returned, told) =
                self.command((Method::PATCH, &path, Some(body)), None).await;
            let op = match told {
                Some(told) if told.is_accepted() && takes => AddressOp::Take(who, true),
                Some(told) if told.is_accepted() => AddressOp::Release(who),
                Some(told) if told.code() == "address_in_use" => AddressOp::Take(who, false),
                Some(told) => contended(&told),
                None if takes => AddressOp::MaybeTake(who),
                None => AddressOp::MaybeRelease(who),
            };
            (invoked, returned, op)
        };
        address.history.note(Call { invoked, returned, op });
    }

    /// One of the contacts who have, had or want an address.
    fn somebody(&mut self, address: &AddressObject) -> Who {
        let calls = address.history.calls.lock().unwrap();
        let attached = calls.iter().rev().find_map(|call| match call.op {
            AddressOp::Attach(who) => Some(who),
            _ => None,
        });
        let known: Vec<Who> = address.contacts.iter().copied().chain(attached).collect();
        self.chance.pick(&known)
    }

    async fn draft(&mut self) {
        let office = Arc::clone(&self.office);
        let ticket = &office.tickets[self.chance.below(office.tickets.len())];
        let path = format!("/api/v1/tickets/{}/drafts/comment", ticket.id);
        let saves = self.chance.below(3) > 0;
        let request = if saves {
            let body = json!({ "text": format!("{} {}", self.name, self.asked) });
            (Method::PUT, path.as_str(), Some(body))
        } else {
            (Method::DELETE, path.as_str(), None)
        };
        let (invoked, returned, told) = self.write(request, None).await;
        let Some(told) = told else { return ticket.draft.spoil() };
        let op = match told.status {
            200 if saves => DraftOp::Saved(told.id("id")),
            200 => DraftOp::Discarded(told.id("id")),
            404 => DraftOp::Absent,
            409 => DraftOp::Lost,
            _ => panic!("{}", told.json),
        };
        ticket.draft.note(Call { invoked, returned, op });
    }

    /// A list that is asked to be as new as what was just answered is so, or says that it is not.
    async fn list(&mut self) {
        let office = Arc::clone(&self.office);
        let ticket = &office.tickets[self.chance.below(office.tickets.len())];
        let path = format!("/api/v1/tickets/{}", ticket.id);
        let Some((_, _, now)) = self.read(&path).await else { return };
        let position = [("log-position", now.json["position"].as_str().unwrap().to_owned())];
        let body = json!({ "limit": 200 });
        let request = (Method::POST, "/api/v1/tickets/query", Some(body));
        let Some(told) = office.servers.ask(&mut self.chance, request, &position).await else {
            return;
        };
        if told.headers.contains_key("log-stale") {
            return;
        }
        let rows = told.json["items"].as_array().unwrap();
        let row = rows.iter().find(|row| row["id"] == ticket.id.as_str());
        let complete = told.json["next_cursor"].is_null();
        let listed = row.map(|row| row["version"].as_u64().unwrap());
        let fresh = listed.is_some_and(|listed| listed >= now.version("version"));
        assert!(fresh || (listed.is_none() && !complete), "{listed:?} but {}", now.json);
        *office.fresh_reads.lock().unwrap() += 1;
    }
}

fn is_access(ask: TicketAsk) -> bool {
    matches!(ask, TicketAsk::Access(_))
}

fn contended(told: &Told) -> AddressOp {
    assert_eq!(told.code(), "contended", "{}", told.json);
    AddressOp::Nothing
}

fn ticket_answer(told: &Told) -> TicketAnswer {
    match told.code() {
        "" if told.is_accepted() => TicketAnswer::Accepted { version: told.version("version") },
        "version_conflict" => TicketAnswer::Conflict { version: told.version("current_version") },
        "inactive_user" => TicketAnswer::InactiveUser,
        "contended" => TicketAnswer::Nothing,
        _ => panic!("{} {}", told.status, told.json),
    }
}

fn shown(office: &Office, ticket: &TicketObject, told: &Told) -> TicketAnswer {
    let json = &told.json;
    let place = |all: &mut dyn Iterator<Item = &str>, one: &Value| {
        let mut all = all.enumerate();
        all.find(|(_, name)| one == name).unwrap_or_else(|| panic!("{one} in {json}")).0
    };
    let owner = &json["owner"]["user"]["id"];
    assert!(owner.is_null() || *owner == ticket.colleague.as_str(), "{json}");
    assert!(!json["status"]["name"].as_str().unwrap().is_empty(), "{json}");
    TicketAnswer::Shown {
        version: told.version("version"),
        status: place(&mut office.statuses.iter().map(String::as_str), &json["status"]["id"]),
        colleague_owns: !owner.is_null(),
        priority: place(&mut PRIORITIES.iter().copied(), &json["priority"]),
    }
}
