//! What the callers know of the desk: the tickets that are worked on, and what is sensible to do with them.

use serde_json::{Value, json};

use crate::act::{Act, Change, Kind};
use crate::chance::Chance;
use crate::http::{Answer, Ask};
use crate::people::Person;
use crate::words::{text, words};

/// So many tickets are worked on at a time; of more, one is left alone.
const WORKED_ON_MAX: usize = 3_000;
const VIEWS: [&str; 6] = ["open", "mine", "unassigned", "closed", "mentions", "drafts"];
const PRIORITIES: [&str; 4] = ["low", "medium", "high", "urgent"];
/// One read in so many asks for a ticket of any age.
const ANY_AGE: u64 = 200;

/// A ticket that is worked on.
#[derive(Clone)]
pub struct Ticket {
    id: String,
    /// Who writes to it.
    agent: usize,
    owner: Option<usize>,
    status: usize,
    draft: Option<String>,
    position: u64,
}

/// Everything that is known.
pub struct World {
    pub agents: Vec<Person>,
    pub contacts: Vec<String>,
    /// Ids of the statuses, and whether each closes.
    pub statuses: Vec<(String, bool)>,
    pub tickets: Vec<Ticket>,
    /// How many tickets there are.
    pub made: u64,
    chance: Chance,
    /// How many requests were made up.
    count: u64,
    /// The newest acknowledged position.
    newest: u64,
}

impl World {
    pub fn new(agents: Vec<Person>, seed: u64) -> Self {
        Self {
            agents,
            contacts: Vec::new(),
            statuses: Vec::new(),
            tickets: Vec::new(),
            made: 0,
            chance: Chance::at(seed, 0),
            count: 0,
            newest: 0,
        }
    }

    /// What somebody does next.
    pub fn next(&mut self) -> Act {
        let kind = Kind::choose(&mut self.chance);
        self.act(kind)
    }

    /// A request of this kind; a new ticket where there is none to work on.
    pub fn act(&mut self, kind: Kind) -> Act {
        self.count += 1;
        if !kind.is_write() {
            return self.read(kind);
        }
        match (kind, self.take()) {
            (Kind::Create, ticket) => {
                self.tickets.extend(ticket);
                self.create()
            }
            (_, None) => self.create(),
            (_, Some(ticket)) => self.write(kind, ticket),
        }
    }

    /// Time between two requests when there are so many in a second, on average.
    pub fn pause(&mut self, rate: f64) -> f64 {
        self.chance.after(1.0 / rate)
    }

    /// Whether an accepted request is sent once more.
    pub fn repeats(&mut self, act: &Act) -> bool {
        act.change != Change::DraftSaved && self.chance.happens(5)
    }

    /// Learns what came of a request; `body` is none when it was not accepted.
    pub fn done(&mut self, act: Act, answer: Option<(&Answer, &Value)>) {
        let Some((answer, body)) = answer else { return }; // nobody knows how its ticket is now
        self.newest = self.newest.max(answer.position.unwrap_or(0));
        if act.change == Change::Created {
            self.made += 1;
            self.tickets.push(Ticket {
                id: body["id"].as_str().unwrap_or_default().to_owned(),
                agent: act.agent,
                owner: None,
                status: 0,
                draft: None,
                position: answer.position.unwrap_or(0),
            });
        }
        let Some(mut ticket) = act.ticket else { return };
        ticket.position = answer.position.unwrap_or(ticket.position);
        match act.change {
            Change::Nothing | Change::Created | Change::Said => {}
            Change::Replied => drop(ticket.owner.get_or_insert(ticket.agent)),
            Change::DraftSaved => ticket.draft = body["id"].as_str().map(str::to_owned),
            Change::DraftSent => ticket.draft = None,
            Change::Owner(owner) => ticket.owner = Some(owner),
            Change::Status(status) if self.statuses[status].1 => return, // closed: nobody works on it
            Change::Status(status) => ticket.status = status,
        }
        if self.tickets.len() < WORKED_ON_MAX {
            self.tickets.push(ticket);
        }
    }

    fn take(&mut self) -> Option<Ticket> {
        let place = self.chance.below(self.tickets.len() as u64) as usize;
        (!self.tickets.is_empty()).then(|| self.tickets.swap_remove(place))
    }

    fn read(&mut self, kind: Kind) -> Act {
        let agent = self.chance.below(self.agents.len() as u64) as usize;
        let token = self.agents[agent].token.clone();
        let place = self.chance.below(self.tickets.len() as u64) as usize;
        let (id, position) = match self.tickets.get(place) {
            Some(ticket) if !self.chance.happens(ANY_AGE) => {
                (ticket.id.clone(), Some(ticket.position))
            }
            _ => ((1 + self.chance.below(self.made)).to_string(), None),
        };
        let mut ask = Ask::get(String::new(), &token);
        ask.path = match kind {
            Kind::View => {
                let view = self.chance.pick_ranked(&VIEWS).copied().unwrap_or("open");
                ask.position = self.chance.happens(200).then_some(self.newest);
                format!("/api/v1/views/{view}/tickets?limit=50")
            }
            Kind::Query => {
                ask.method = "POST";
                ask.body = self.query().to_string();
                "/api/v1/tickets/query".to_owned()
            }
            Kind::Ticket => format!("/api/v1/tickets/{id}"),
            Kind::Thread => {
                ask.position = position;
                format!("/api/v1/tickets/{id}/thread")
            }
            Kind::Timeline => format!("/api/v1/tickets/{id}/timeline?order=newest_first"),
            _ => "/api/v1/views/counts".to_owned(),
        };
        Act { kind, ask, agent, ticket: None, change: Change::Nothing }
    }

    fn query(&mut self) -> Value {
        match self.chance.below(4) {
            0 => json!({"filter": {"status_categories": ["open"]}}),
            1 => json!({"filter": {"tags": [format!("tag {}", self.chance.ranked(100))]}}),
            2 => json!({"filter": {"owner_ids": ["me"], "priorities": ["urgent"]}}),
            _ => json!({"filter": {"status_categories": ["open"]}, "sort": {"by": "priority"}}),
        }
    }

    fn create(&mut self) -> Act {
        let contact = self.chance.pick(&self.contacts).cloned();
        let mut body = json!({
            "name": words(&mut self.chance, 5),
            "contact_ids": contact.into_iter().collect::<Vec<_>>(),
        });
        if self.chance.happens(200) {
            body["tags"] = json!([format!("tag {}", self.chance.ranked(100))]);
        }
        if self.chance.happens(150) {
            body["priority"] = json!(self.chance.pick(&PRIORITIES));
        }
        let agent = self.chance.ranked(self.agents.len() as u64) as usize;
        let ask = self.ask(agent, ("POST", "/api/v1/tickets".to_owned()), &body);
        Act { kind: Kind::Create, ask, agent, ticket: None, change: Change::Created }
    }

    fn write(&mut self, kind: Kind, ticket: Ticket) -> Act {
        let chance = &mut self.chance;
        let (method, rest, body, change) = match kind {
            Kind::Reply => ("POST", "/replies", json!({"text": text(chance)}), Change::Replied),
            Kind::Draft => {
                ("PUT", "/drafts/comment", json!({"text": text(chance)}), Change::DraftSaved)
            }
            Kind::Status => {
                let closes = chance.happens(600);
                let fits =
                    |place: &usize| *place != ticket.status && self.statuses[*place].1 == closes;
                let places: Vec<usize> = (0..self.statuses.len()).filter(fits).collect();
                let to = chance.pick(&places).copied().unwrap_or(0);
                let body = json!({"status_id": self.statuses[to].0});
                ("PUT", "/status", body, Change::Status(to))
            }
            Kind::Owner => {
                let mut to = chance.ranked(self.agents.len() as u64) as usize;
                if ticket.owner == Some(to) {
                    to = (to + 1) % self.agents.len();
                }
                let body = json!({"user_id": self.agents[to].id});
                ("PUT", "/owner", body, Change::Owner(to))
            }
            Kind::Update => ("PATCH", "", json!({"name": words(chance, 6)}), Change::Said),
            _ => match &ticket.draft {
                Some(draft) => {
                    let body = json!({"text": text(chance), "draft_id": draft});
                    ("POST", "/comments", body, Change::DraftSent)
                }
                None => ("POST", "/comments", json!({"text": text(chance)}), Change::Said),
            },
        };
        let mut path = format!("/api/v1/tickets/{}{rest}", ticket.id);
        if let (Change::DraftSaved, Some(draft)) = (change, &ticket.draft) {
            path.push_str(&format!("?draft_id={draft}"));
        }
        let ask = self.ask(ticket.agent, (method, path), &body);
        Act { kind, ask, agent: ticket.agent, ticket: Some(ticket), change }
    }

    fn ask(&self, agent: usize, (method, path): (&'static str, String), body: &Value) -> Ask {
        let key = Some(format!("soak {}", self.count));
        let token = self.agents[agent].token.clone();
        Ask { method, path, body: body.to_string(), token, key, position: None }
    }
}
